"""Who may associate and who may ask for what (dicom.md 1.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from dimse_edge.access import Peer, Rules, Service
from nephele.settings.configuration import parse_configuration
from tests.edge.conftest import StartEdge
from tests.edge.data_sets import CT, VERIFICATION, associate, ct, encode, store_encoded

CLOSED = {
    f"DicomAlwaysAllow{name}": False
    for name in ("Echo", "Store", "Find", "FindWorklist", "Get", "Move")
}
CT1 = {"ct": ["CT1", "10.0.0.1", 104]}
BOTH = {"a": ["CT1", "10.0.0.1", 104], "b": {"AET": "CT1", "Host": "10.0.0.2", "Port": 104}}


def rules(**options: Any) -> Rules:
    configuration = parse_configuration(json.dumps(options))
    return Rules(configuration, lambda: configuration.dicom_modalities)


@pytest.mark.parametrize(
    ("options", "called", "accepted"),
    [
        pytest.param({}, "ANY", True, id="not checked"),
        pytest.param({"DicomCheckCalledAet": True}, "ANY", False, id="another"),
        pytest.param({"DicomCheckCalledAet": True}, "orthanc", True, id="any case"),
        pytest.param(
            {"DicomCheckCalledAet": True, "StrictAetComparison": True},
            "orthanc",
            False,
            id="strict",
        ),
    ],
)
def test_called_aet(options: dict[str, Any], called: str, accepted: bool) -> None:
    assert rules(**options).is_called_aet_accepted(called) is accepted


@pytest.mark.parametrize(
    ("options", "peer", "accepted"),
    [
        pytest.param({}, Peer("X", "10.0.0.9"), True, id="stores are open"),
        pytest.param(CLOSED, Peer("X", "10.0.0.9"), False, id="closed, unknown"),
        pytest.param(CLOSED | {"DicomModalities": CT1}, Peer("ct1", "10.0.0.9"), True, id="known"),
        pytest.param(
            CLOSED | {"DicomModalities": CT1, "DicomCheckModalityHost": True},
            Peer("CT1", "10.0.0.9"),
            False,
            id="known, elsewhere",
        ),
    ],
)
def test_calling_aet(options: dict[str, Any], peer: Peer, accepted: bool) -> None:
    assert rules(**options).is_calling_aet_accepted(peer) is accepted


def modality(host: str, **flags: bool) -> dict[str, Any]:
    return {"AET": "CT1", "Host": host, "Port": 104, **flags}


NO_STORE = {"AllowStore": False}
HOSTS = {"DicomCheckModalityHost": True}


@pytest.mark.parametrize(
    ("options", "modalities", "allowed"),
    [
        pytest.param({}, [], True, id="open to everybody"),
        pytest.param(
            {}, [modality("10.0.0.1", **NO_STORE)], True, id="its flag has no effect then"
        ),
        pytest.param(CLOSED, [], False, id="unknown"),
        pytest.param(CLOSED, [modality("10.0.0.9")], True, id="known"),
        pytest.param(CLOSED, [modality("10.0.0.1", **NO_STORE)], False, id="flag"),
        pytest.param(CLOSED | HOSTS, [modality("10.0.0.9")], False, id="known, elsewhere"),
        pytest.param(CLOSED | HOSTS, [modality("10.0.0.1")], True, id="known, here"),
        pytest.param(
            CLOSED | HOSTS,
            [modality("10.0.0.9"), modality("10.0.0.1")],
            True,
            id="several, one here",
        ),
        pytest.param(
            CLOSED | HOSTS,
            [modality("10.0.0.9"), modality("10.0.0.1", **NO_STORE)],
            False,
            id="several, the one here may not",
        ),
        pytest.param(
            CLOSED,
            [modality("10.0.0.9"), modality("10.0.0.1", **NO_STORE)],
            False,
            id="not all may",
        ),
    ],
)
def test_requests(options: dict[str, Any], modalities: list[dict[str, Any]], allowed: bool) -> None:
    named = {f"m{number}": one for number, one in enumerate(modalities)}
    peer = Peer("CT1", "10.0.0.1")
    assert rules(DicomModalities=named, **options).is_allowed(Service.STORE, peer) is allowed


def test_n_services_need_a_known_modality() -> None:
    peer = Peer("CT1", "10.0.0.1")
    assert not rules().is_allowed(Service.ACTION, peer)
    assert rules(DicomModalities=CT1).is_allowed(Service.ACTION, peer)


def test_rejections(start_edge: StartEdge) -> None:
    edge = start_edge(CLOSED | {"DicomCheckCalledAet": True, "DicomModalities": CT1})
    for calling, called, diagnostic in (("CT1", "OTHER", 7), ("CT2", "ORTHANC", 3)):
        association = associate(edge.port, calling=calling, called=called)
        assert association.is_rejected
        answer = association.acceptor.primitive
        assert answer is not None
        assert (answer.result, answer.result_source, answer.diagnostic) == (1, 1, diagnostic)
    associate(edge.port, calling="CT1").release()


def test_refused_request_is_aborted(start_edge: StartEdge) -> None:
    modalities = {"ct": {"AET": "CT1", "Host": "127.0.0.1", "Port": 104, **NO_STORE}}
    edge = start_edge(CLOSED | {"DicomModalities": modalities})
    classes = {CT: [ExplicitVRLittleEndian], VERIFICATION: [ExplicitVRLittleEndian]}
    association = associate(edge.port, classes, calling="CT1")
    assert association.send_c_echo().Status == 0x0000
    assert store_encoded(association, encode(ct())).status is None
    association.join(30)
    assert association.is_aborted
    assert edge.wait_for("request refused")["command_field"] == "0x0001"
