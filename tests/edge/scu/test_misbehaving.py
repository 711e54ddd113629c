"""Jobs that call a peer that misbehaves: each ends in time, and says why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from dimse_edge.executor import load_kind
from nephele.aws.index import jobs as rows
from nephele.aws.queues import Queue
from nephele.domain.jobs import JobState
from nephele.services.archive import Archive
from nephele.services.jobs.submit import submit
from nephele.services.jobs.worker import run_received
from tests.edge.scu import peers
from tests.edge.scu.peers import Behaviour, peer
from tests.edge.scu.test_sender import kept
from tests.unit.conftest import empty_archive

_TIMEOUT = 0.5
_PATIENCE_SECONDS = 20.0
_STUDY = {"0020,000d": "1.2.3"}
_JOBS: dict[str, dict[str, Any]] = {
    "DicomEcho": {"CheckFind": False},
    "DicomFind": {
        **{"ID": "query", "Name": "odd", "Level": "Study", "Normalize": True},
        **{"Query": _STUDY, "Original": _STUDY},
    },
    "DicomModalityStore": {},
    "DicomMoveScu": {"Level": "Study", "Queries": [_STUDY], "TargetAet": "ORTHANC"},
    "DicomGetScu": {"Level": "Study", "Queries": [_STUDY]},
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
        queue = Queue(boto3.client("sqs").create_queue(QueueName="edge")["QueueUrl"])
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
        job = submit(archive, job_type, {"Modality": modality, "Timeout": _TIMEOUT, **more})
        (message,) = queue.receive(wait_seconds=0)
        run_received(archive, queue, message, load_kind, lambda: True)
    assert time.monotonic() - started < _PATIENCE_SECONDS
    ended = rows.job(archive.index.table, job.identifier)
    assert ended is not None
    assert ended.state is JobState.FAILURE
    assert any(reason in ended.error_details for reason in _BEHAVIOURS[behaviour].split("|"))
