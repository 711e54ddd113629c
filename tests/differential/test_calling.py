"""Nephele calls other archives as Orthanc does, but for what is listed here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.ports import reserve
from tests.differential.calling import Step, files, play, steps
from tests.differential.conftest import STABLE_AGE_SECONDS
from tests.differential.orthanc import scratch_orthanc
from tests.differential.server import Server, open_client
from tests.edge.conftest import tool

_SINK = "SINK"

INTENDED: dict[str, str] = {
    "operations on a modality": "C-GET came with 1.12.6",
    "find-patient of nobody": "an unknown modality is 404 everywhere",
    "answers of Instance": "Orthanc 1.10.1 adds MediaStorageSOPInstanceUID to answers",
    "move": "since 1.12 a synchronous move answers with the job's content",
}
"""Reason of a request, and why its answer differs."""

ASKED = list(steps(["PEER", "127.0.0.1", 104], _SINK))
Found = dict[str, tuple[Any, Any]]


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run DCMTK's storescp, which takes what is moved; yield its port."""
    port = reserve(0, "")
    folder = tmp_path_factory.mktemp("sink")
    command = [tool("storescp"), "-aet", _SINK, "--ignore", "-od", str(folder), str(port)]
    with subprocess.Popen(command) as process:
        try:
            yield port
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def called(
    orthanc: Server, nephele: Server, sink: int, tmp_path_factory: pytest.TempPathFactory
) -> Found:
    """Let both call a third archive; return both answers to each request."""
    more = {
        "DicomAet": "PEER",
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"sink": [_SINK, "127.0.0.1", sink]},
    }
    folder = tmp_path_factory.mktemp("peer")
    with scratch_orthanc(folder, STABLE_AGE_SECONDS, more) as peer:
        with open_client(peer) as client:
            for file in files():
                client.post("/instances", content=file).raise_for_status()
        asked = list(steps(["PEER", "127.0.0.1", peer.dicom_port], _SINK))
        with open_client(orthanc) as theirs, open_client(nephele) as ours:
            answered = play(theirs, asked), play(ours, asked)
    return {step.reason: (answered[0][step.reason], answered[1][step.reason]) for step in asked}


@pytest.mark.parametrize("step", ASKED, ids=lambda step: step.reason)
def test_request_is_answered_alike(called: Found, step: Step) -> None:
    theirs, ours = called[step.reason]
    if step.reason in INTENDED:
        assert ours != theirs, "the difference that is meant is gone"
    else:
        assert ours == theirs
