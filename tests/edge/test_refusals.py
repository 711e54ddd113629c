"""The words a refused association is explained in, and where they can be read."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context

from dimse_edge import acse
from dimse_edge.access import Peer, Rules, Service
from dimse_edge.health import is_own
from dimse_edge.negotiation import ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED
from dimse_edge.refusals import explain_rejection, explain_request, refused_contexts
from infra.local.edge import Edge
from infra.local.folders import DataFolder
from infra.local.inventory import Task
from nephele.domain.sop_classes import MODALITY_WORKLIST_FIND, VERIFICATION
from nephele.settings.configuration import parse_configuration
from tests.stack import Stack

CT = "1.2.840.10008.5.1.4.1.1.2"
PRIVATE = "1.2.3.4.5"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
_OPTIONS = """{
  "DicomAet": "NEPHELE", "DicomCheckCalledAet": true, "DicomCheckModalityHost": true,
  "DicomModalities": {"scanner": ["SCANNER", "10.0.0.1", 104]}
}"""
CONFIGURATION = parse_configuration(_OPTIONS)
_LOOK_AGAIN_SECONDS = 0.1
RULES = Rules(CONFIGURATION, lambda: CONFIGURATION.dicom_modalities)


@pytest.mark.parametrize(
    ("rejection", "peer", "words"),
    [
        pytest.param(
            acse.CALLED_AET_NOT_RECOGNIZED,
            Peer("ANY", "10.0.0.9"),
            ["'ARCHIVE'", "'NEPHELE'", "DicomAet", "DicomCheckCalledAet"],
            id="called AE title",
        ),
        pytest.param(
            acse.CALLING_AET_NOT_RECOGNIZED,
            Peer("STRANGER", "10.0.0.9"),
            ["'STRANGER'", "DicomModalities"],
            id="unknown calling AE title",
        ),
        pytest.param(
            acse.CALLING_AET_NOT_RECOGNIZED,
            Peer("SCANNER", "10.0.0.9"),
            ["scanner", "'10.0.0.1'", "'10.0.0.9'", "DicomCheckModalityHost"],
            id="known, from elsewhere",
        ),
    ],
)
def test_a_rejection_names_the_check_and_its_option(
    rejection: acse.Rejection, peer: Peer, words: list[str]
) -> None:
    told = explain_rejection(rejection, RULES, peer, "ARCHIVE")
    assert [word for word in words if word not in told] == []


@pytest.mark.parametrize(
    ("service", "peer", "words"),
    [
        pytest.param(
            Service.FIND,
            Peer("STRANGER", "10.0.0.9"),
            ["DicomModalities", "DicomAlwaysAllowFind"],
            id="nobody knows it",
        ),
        pytest.param(
            Service.MOVE,
            Peer("SCANNER", "10.0.0.1"),
            ["scanner", "AllowMove", "DicomAlwaysAllowMove"],
            id="it may not",
        ),
        pytest.param(
            Service.ACTION, Peer("SCANNER", "10.0.0.1"), ["AllowNAction"], id="no option for all"
        ),
    ],
)
def test_a_request_that_is_not_allowed_names_its_option(
    service: Service, peer: Peer, words: list[str]
) -> None:
    told = explain_request(service, 0x20, RULES, peer)
    assert [word for word in words if word not in told] == []


def test_refused_contexts_name_their_option() -> None:
    unknown, compressed = build_context(PRIVATE), build_context(CT, JPEG_2000)
    unknown.result = ABSTRACT_SYNTAX_NOT_SUPPORTED
    compressed.result = TRANSFER_SYNTAXES_NOT_SUPPORTED
    first, second = (item.explanation for item in refused_contexts([unknown, compressed]))
    assert "UnknownSopClassAccepted" in first
    assert JPEG_2000 in second
    assert "Jpeg2000TransferSyntaxAccepted" in second


def test_worklists_that_are_not_served_are_explained_first(stack: Stack) -> None:
    """Without a context findscu aborts: that follows from the refusal, and is said last."""
    host, port = stack.dicom_address
    aet = "WANTS_WORKLISTS"
    command = ["findscu", "-W", "-aet", aet, "-k", "PatientName=", host, str(port)]
    subprocess.run(command, capture_output=True, check=False, timeout=30)
    first, last = _wait_for_refusal(stack, aet)["Explanations"]
    assert first.startswith(MODALITY_WORKLIST_FIND)
    assert "Worklists" in first
    assert "SopClasses" not in first
    assert "The peer aborted" in last


def test_the_local_stack_asks_for_the_configured_aet_and_leaves_no_trace(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    def note(event: evt.Event) -> None:
        request = event.assoc.requestor.primitive
        assert request is not None
        asked.append((request.calling_ae_title or "", request.called_ae_title or ""))

    entity = AE("NEPHELE")
    entity.require_called_aet = True
    entity.add_supported_context(VERIFICATION)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_REQUESTED, note)]
    )
    environment = {"NEPHELE_CONFIGURATION": '{"DicomAet": "NEPHELE", "DicomCheckCalledAet": true}'}
    probe = Edge(Task("", environment), server.server_address[1], 0, DataFolder(tmp_path), {})
    try:
        assert probe.is_there()
    finally:
        server.shutdown()
    ((calling_aet, called_aet),) = asked
    assert called_aet == "NEPHELE"
    assert is_own(calling_aet, "127.0.0.1")


def test_a_refused_request_is_explained_over_rest(stack: Stack) -> None:
    host, port = stack.dicom_address
    aet = "NOBODY_KNOWS"
    command = ["movescu", "-S", "-aet", aet, "-aem", "X", "-k", "QueryRetrieveLevel=STUDY"]
    command += ["-k", "StudyInstanceUID=1.2.3", host, str(port)]
    said = subprocess.run(command, capture_output=True, check=False, timeout=30, text=True)
    assert "aborted" in said.stderr
    own = _wait_for_refusal(stack, aet)
    assert own["Outcome"] == "Aborted"
    assert any("DicomAlwaysAllowMove" in reason for reason in own["Explanations"])


def _wait_for_refusal(stack: Stack, aet: str) -> dict[str, Any]:
    """Return what is told of a peer; it is written when the connection is closed already."""
    deadline = time.monotonic() + 30
    with stack.rest() as rest:
        while time.monotonic() < deadline:
            for item in rest.get("/refused-associations").json():
                if item["CallingAET"] == aet:
                    return dict(item)
            time.sleep(_LOOK_AGAIN_SECONDS)
    pytest.fail("the refusal is not told")
