"""Jobs that call a peer that misbehaves: each ends in time, and says why."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from dimse_edge.command import (
    HAS_DATA_SET,
    NO_DATA_SET,
    RESPONSE,
    Field,
    Tag,
    encode_command,
)
from dimse_edge.executor import load_kind
from nephele.aws import clients
from nephele.aws.index import jobs as rows
from nephele.aws.queues import Queue
from nephele.domain.jobs import JobState
from nephele.domain.levels import Level
from nephele.services.archive import Archive
from nephele.services.jobs.submit import submit
from nephele.services.jobs.worker import run_received
from nephele.services.store import store
from tests.edge.scu import peers
from tests.edge.scu.peers import Behaviour, peer
from tests.edge.scu.test_sender import kept
from tests.unit.conftest import dicom_file, empty_archive, provenance

_TIMEOUT = 0.5
"""Of jobs with peers that say nothing; others have more, as machines may be busy."""
_PATIENCE_SECONDS = 20.0
_STUDY = {"0020,000d": "1.2.3"}
_JOBS: dict[str, dict[str, Any]] = {
    "DicomEcho": {"CheckFind": False},
    "DicomFind": {
        **{"ID": "query", "Name": "odd", "Level": "Study", "Normalize": True},
        **{"Query": _STUDY, "Original": _STUDY},
    },
    "DicomFindWorklist": {"Query": {}, "Format": "Full"},
    "DicomModalityStore": {},
    "DicomMoveScu": {"Level": "Study", "Queries": [_STUDY], "TargetAet": "ORTHANC"},
    "DicomGetScu": {"Level": "Study", "Queries": [_STUDY]},
    "StorageCommitmentScu": {
        **{"TransactionUID": "1.2.4", "References": [["1.2.840.10008.5.1.4.1.1.2", "1.2.3"]]},
    },
}
_BEHAVIOURS = {
    peers.accepts_and_hangs: "does not answer in time",
    peers.trickles: "does not answer in time",
    peers.aborts: "aborted the association",
    peers.accepts_and_aborts: "aborted the association",
    peers.answers_garbage: "no DICOM",
    peers.accepts_and_answers_garbage: "command set",
    peers.announces_gigabytes: "too long",
    peers.refuses_contexts: "does not offer|takes no SOP class",
}


@pytest.fixture(scope="module")
def archive() -> Iterator[Archive]:
    with empty_archive() as opened:
        queue = Queue(clients.sqs().create_queue(QueueName="edge")["QueueUrl"])
        opened.queues["edge_jobs"] = queue
        yield opened


@pytest.fixture(scope="module")
def instance(archive: Archive) -> str:
    return str(kept(archive))


@pytest.mark.parametrize("job_type", _JOBS)
@pytest.mark.parametrize("behaviour", _BEHAVIOURS, ids=lambda one: one.__name__)
def test_the_job_says_why(
    archive: Archive, instance: str, job_type: str, behaviour: Behaviour
) -> None:
    queue = archive.queue("edge_jobs")
    started = time.monotonic()
    with peer(behaviour) as port:
        modality = {"AET": "ODD", "Host": "127.0.0.1", "Port": port}
        more = _JOBS[job_type] | ({"Resources": [instance]} if "Store" in job_type else {})
        is_silent = "in time" in _BEHAVIOURS[behaviour]
        timeout = _TIMEOUT if is_silent else _PATIENCE_SECONDS / 2
        job = submit(archive, job_type, {"Modality": modality, "Timeout": timeout, **more})
        (message,) = queue.receive(wait_seconds=0)
        run_received(archive, queue, message, load_kind, lambda: True)
    assert time.monotonic() - started < _PATIENCE_SECONDS
    ended = rows.job(archive.index.table, job.identifier)
    assert ended is not None
    assert ended.state is JobState.FAILURE
    assert any(reason in ended.error_details for reason in _BEHAVIOURS[behaviour].split("|"))


def test_a_peer_that_takes_a_byte_now_and_then(archive: Archive) -> None:
    """More is sent than the systems' buffers hold."""
    large = dicom_file(SOPInstanceUID="1.2.3.5", EncapsulatedDocument=bytes(32 << 20))
    orthanc_id = str(store(archive, io.BytesIO(large), provenance()).orthanc_ids[Level.INSTANCE])
    queue = archive.queue("edge_jobs")
    started = time.monotonic()
    with peer(peers.reads_slowly) as port:
        modality = {"AET": "ODD", "Host": "127.0.0.1", "Port": port, "Timeout": 1}
        request = {"Modality": modality, "Resources": [orthanc_id]}
        job = submit(archive, "DicomModalityStore", request)
        (message,) = queue.receive(wait_seconds=0)
        run_received(archive, queue, message, load_kind, lambda: True)
    assert time.monotonic() - started < _PATIENCE_SECONDS
    ended = rows.job(archive.index.table, job.identifier)
    assert ended is not None
    assert "does not take what is sent to it" in ended.error_details


_FAILED = ["1.2.3.4", "1.2.3.5"]
_IN_COMMAND = struct.pack("<HHI", 8, 0x58, 16) + b"1.2.3.4\\1.2.3.5\0"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0xC000, "Unable to Process"),
        (0xA702, "Refused: Out of resources, unable to perform sub-operations"),
        (0xB000, "Sub-operations complete"),  # of C-MOVE "completed"
    ],
)
@pytest.mark.parametrize("job_type", ["DicomMoveScu", "DicomGetScu"])
@pytest.mark.parametrize("is_in_command", [True, False], ids=["status detail", "data set"])
def test_a_failed_retrieval_tells_what_failed(
    archive: Archive, job_type: str, status: int, words: str, is_in_command: bool
) -> None:
    """DCMTK's status details are in the command set, the list of PS3.4 is a data set."""
    field = Field.C_MOVE if job_type == "DicomMoveScu" else Field.C_GET
    command = encode_command(
        {
            Tag.COMMAND_FIELD: field | RESPONSE,
            Tag.MESSAGE_ID_BEING_RESPONDED_TO: 1,
            Tag.COMMAND_DATA_SET_TYPE: NO_DATA_SET if is_in_command else HAS_DATA_SET,
            Tag.STATUS: status,
            Tag.ERROR_COMMENT: "no such luck",
            Tag.COMPLETED: 0,
            Tag.FAILED: 2,
            Tag.WARNING: 0,
        }
    )
    whole = command + _IN_COMMAND if is_in_command else command
    # the first transfer syntax proposed is Explicit VR
    explicit = b"\x08\0\x58\0UI\x10\0" + _IN_COMMAND[8:]
    behaviour = peers.answers(whole, b"" if is_in_command else explicit)
    queue = archive.queue("edge_jobs")
    with peer(behaviour) as port:
        modality = {"AET": "ODD", "Host": "127.0.0.1", "Port": port}
        request = {"Modality": modality, "Timeout": _PATIENCE_SECONDS, **_JOBS[job_type]}
        with patch("random.choice", lambda _: 1):  # the message id of a C-MOVE
            job = submit(archive, job_type, request)
            (message,) = queue.receive(wait_seconds=0)
            run_received(archive, queue, message, load_kind, lambda: True)
    ended = rows.job(archive.index.table, job.identifier)
    assert ended is not None
    assert f"fails with status 0x{status:04x} ({words}" in ended.error_details
    assert ended.error_details.endswith("; no such luck): 0 completed, 2 failed")
    (told,) = ended.content["Details"]
    assert told["DimseErrorStatus"] == status
    assert told["NumberOfFailedSuboperations"] == 2
    assert told["FailedSOPInstanceUIDList"] == _FAILED
