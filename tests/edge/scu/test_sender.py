"""Sending instances of an archive on moto to pynetdicom."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)
from pynetdicom import AE, evt

from bench.edge import free_port
from dimse_edge.scu.store import Outcome, Sender
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import (
    NetworkProtocol,
    NoPresentationContext,
    StorageFull,
    UnknownResource,
)
from nephele.services.archive import Archive
from nephele.services.store import store
from nephele.settings.modality import read_modality
from tests.unit.conftest import archive as archive
from tests.unit.conftest import dicom_file, provenance

_CT = "1.2.840.10008.5.1.4.1.1.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_EVERYTHING = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEG2000,
    JPEGBaseline8Bit,
)
Received = list[dict[str, Any]]
Answer = Callable[[int], int]


@contextmanager
def scp(
    syntaxes: Sequence[str] = _EVERYTHING,
    answer: Answer = lambda _: 0,
    classes: Sequence[str] = (_CT, _SECONDARY_CAPTURE),
    aborts_after: int = 0,
    port: int = 0,
) -> Iterator[tuple[int, Received]]:
    """Run an SCP that remembers what it gets; yield its port."""
    received: Received = []

    def on_store(event: evt.Event) -> int:
        request = event.request
        received.append(
            {
                "uid": str(request.AffectedSOPInstanceUID),
                "syntax": str(event.context.transfer_syntax),
                "data_set": request.DataSet.getvalue(),
                "originator": (
                    request.MoveOriginatorApplicationEntityTitle,
                    request.MoveOriginatorMessageID,
                ),
                "association": event.assoc,
                "calling": event.assoc.requestor.ae_title,
            }
        )
        if len(received) == aborts_after:
            event.assoc.abort()
        return answer(len(received))

    entity = AE("PEER")
    for sop_class in classes:
        entity.add_supported_context(sop_class, list(syntaxes))
    handlers: list[Any] = [(evt.EVT_C_STORE, on_store)]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield server.server_address[1], received
    finally:
        server.shutdown()


def kept(archive: Archive, name: str = "CT_small.dcm", sop: str = "1.2.3.4") -> OrthancId:
    file = io.BytesIO(dicom_file(name, SOPInstanceUID=sop))
    return store(archive, file, provenance()).orthanc_ids[Level.INSTANCE]


def sender(archive: Archive, port: int, **options: Any) -> Sender:
    more = options.pop("modality", {})
    modality = {"AET": "PEER", "Host": "127.0.0.1", "Port": port, "Timeout": 10, **more}
    return Sender(archive, read_modality(modality), **options)


def test_bytes_are_sent_as_they_are(archive: Archive) -> None:
    orthanc_id = kept(archive)
    with scp() as (port, received), sender(archive, port) as sending:
        assert sending.send(orthanc_id).is_success
    (one,) = received
    source = dicom_file(SOPInstanceUID="1.2.3.4")
    assert source.endswith(one["data_set"])
    assert one["calling"] == "ORTHANC"
    assert len(source) - len(one["data_set"]) < 1024, "the meta information alone is left out"


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ((JPEG2000, ExplicitVRLittleEndian), JPEG2000),
        ((ImplicitVRLittleEndian, ExplicitVRLittleEndian), ExplicitVRLittleEndian),
        ((ImplicitVRLittleEndian,), ImplicitVRLittleEndian),
        ((ExplicitVRBigEndian,), ExplicitVRBigEndian),
    ],
    ids=["its own", "preferred", "implicit", "big endian"],
)
def test_transcoded_in_orthancs_order(
    archive: Archive, accepted: Sequence[str], expected: str
) -> None:
    orthanc_id = kept(archive, "JPEG2000.dcm")
    with scp(accepted) as (port, received), sender(archive, port) as sending:
        sending.expect([orthanc_id])
        assert sending.send(orthanc_id).is_success
    assert (received[0]["uid"], received[0]["syntax"]) == ("1.2.3.4", expected)


def test_no_transcoding_where_it_is_not_allowed(archive: Archive) -> None:
    orthanc_id = kept(archive, "JPEG2000.dcm")
    with (
        scp((ExplicitVRLittleEndian,)) as (port, received),
        sender(archive, port, modality={"AllowTranscoding": False}) as sending,
        pytest.raises((NetworkProtocol, NoPresentationContext)),
    ):
        sending.send(orthanc_id)
    assert received == []


def test_a_full_disk_fails_the_one_instance(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whatever else keeps it from being sent: a permissive job passes it over."""

    def fill(*_: object) -> None:
        raise StorageFull("There is no room for a temporary file")

    monkeypatch.setattr("nephele.services.outgoing_instance._transcode", fill)
    orthanc_id = kept(archive, "JPEG2000.dcm")
    with (
        scp((ExplicitVRLittleEndian,)) as (port, received),
        sender(archive, port) as sending,
        pytest.raises(NetworkProtocol, match="no room"),
    ):
        sending.send(orthanc_id)
    assert received == []


def test_a_class_nobody_takes(archive: Archive) -> None:
    orthanc_id = kept(archive)
    with (
        scp(classes=(_SECONDARY_CAPTURE,)) as (port, _),
        sender(archive, port) as sending,
        pytest.raises(NoPresentationContext, match=_CT),
    ):
        sending.send(orthanc_id)


def test_one_association_for_what_is_expected(archive: Archive) -> None:
    ids = [kept(archive, sop=f"1.2.3.{n}") for n in range(5)]
    ids.append(kept(archive, "JPEG2000.dcm", "1.2.3.9"))
    with scp() as (port, received), sender(archive, port) as sending:
        sending.expect(ids)
        assert all(sending.send(one).is_success for one in ids)
    assert len({one["association"] for one in received}) == 1
    assert [one["uid"] for one in received] == [*(f"1.2.3.{n}" for n in range(5)), "1.2.3.9"]


def test_another_association_for_what_was_not_expected(archive: Archive) -> None:
    first, second = kept(archive, sop="1.2.3.1"), kept(archive, "JPEG2000.dcm", "1.2.3.2")
    with scp() as (port, received), sender(archive, port) as sending:
        assert sending.send(first).is_success
        assert sending.send(second).is_success
    assert len({one["association"] for one in received}) == 2


def test_a_broken_association_is_replaced(archive: Archive) -> None:
    ids = [kept(archive, sop=f"1.2.3.{n}") for n in range(4)]
    with scp(aborts_after=2) as (port, received), sender(archive, port) as sending:
        sending.expect(ids)
        assert all(sending.send(one).is_success for one in ids)
    assert [one["uid"] for one in received] == [f"1.2.3.{n}" for n in (0, 1, 1, 2, 3)]
    assert len({one["association"] for one in received}) == 2


def test_what_follows_a_peer_that_was_not_there_is_sent(archive: Archive) -> None:
    ids = [kept(archive, sop=f"1.2.3.{n}") for n in range(4)]
    port = free_port()
    with sender(archive, port) as sending:
        sending.expect(ids)
        with pytest.raises(NetworkProtocol, match="connection refused"):
            sending.send(ids[0])
        with scp(port=port) as (_, received):
            answered = [sending.send(one).sop_instance_uid for one in ids[1:]]
    assert answered == [f"1.2.3.{n}" for n in range(1, 4)], "each is what was asked for"
    assert [one["uid"] for one in received] == answered


def test_what_was_deleted_is_told_and_the_rest_goes_on(archive: Archive) -> None:
    ids = [kept(archive), OrthancId("1" * 8 + "-11111111" * 4)]
    ids.append(kept(archive, sop="1.2.3.5"))
    with scp() as (port, received), sender(archive, port) as sending:
        sending.expect(ids)
        assert sending.send(ids[0]).is_success
        with pytest.raises(UnknownResource):
            sending.send(ids[1])
        assert sending.send(ids[2]).is_success
    assert [one["uid"] for one in received] == ["1.2.3.4", "1.2.3.5"]


def test_who_wants_it_is_told(archive: Archive) -> None:
    orthanc_id = kept(archive)
    with (
        scp() as (port, received),
        sender(archive, port, originator=("MOVER", 7), calling_aet="ME") as sending,
    ):
        sending.send(orthanc_id)
    assert received[0]["originator"] == ("MOVER", 7)
    assert received[0]["calling"] == "ME"


@pytest.mark.parametrize(
    ("status", "is_success"),
    [
        (0x0000, True),
        (0xB000, True),
        (0xB006, True),
        (0xB007, True),
        (0x0111, True),
        (0xA700, False),
        (0xA900, False),
        (0xC000, False),
        (0x0122, False),
    ],
    ids=hex,
)
def test_statuses(archive: Archive, status: int, *, is_success: bool) -> None:
    outcome = Outcome(status, "why")
    assert outcome.is_success is is_success
    if not is_success:
        with pytest.raises(NetworkProtocol, match=f"0x{status:04x}") as caught:
            outcome.require("PEER")
        assert caught.value.payload == {
            "Type": "Dimse",
            "Content": {"DimseErrorStatus": status},
        }


def test_a_failing_status_comes_back(archive: Archive) -> None:
    orthanc_id = kept(archive)
    with scp(answer=lambda _: 0xA700) as (port, _), sender(archive, port) as sending:
        assert sending.send(orthanc_id).status == 0xA700
