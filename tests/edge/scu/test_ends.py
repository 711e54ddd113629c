"""Jobs whose end fails after all was sent: the next worker finishes them, and sends nothing."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from dimse_edge.executor import load_kind
from dimse_edge.scu import store_job
from nephele.aws.index import job_leases
from nephele.aws.index import jobs as rows
from nephele.aws.queues import Queue
from nephele.domain.jobs import Job, JobState
from nephele.errors import Unavailable
from nephele.services.archive import Archive
from nephele.services.dimse_calls import Call, submit_straight
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.submit import submit
from nephele.settings.modality import read_modality
from tests.unit.conftest import archive as archive
from tests.unit.conftest import deaths as deaths
from tests.unit.conftest import dicom_file, messages

from .test_sender import kept, scp


@pytest.fixture(autouse=True)
def edge_jobs(archive: Archive) -> None:
    if "edge_jobs" not in archive.queues:
        url = boto3.client("sqs").create_queue(QueueName="edge_jobs")["QueueUrl"]
        archive.queues["edge_jobs"] = Queue(url)


def modality(port: int) -> dict[str, Any]:
    return {"AET": "PEER", "Host": "127.0.0.1", "Port": port, "Timeout": 10}


def store(archive: Archive, port: int) -> Job:
    request = {"Modality": modality(port), "Resources": [str(kept(archive))]}
    content = {"StorageCommitmentTransactionUID": "2.25.1"}
    return submit(archive, "DicomModalityStore", request, content=content)


def straight(archive: Archive, port: int) -> Job:
    call = Call("peer", read_modality(modality(port)))
    return submit_straight(archive, call, io.BytesIO(dicom_file()))


@pytest.mark.parametrize("begin", [store, straight])
def test_what_was_sent_is_not_sent_again(
    archive: Archive,
    deaths: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    begin: Callable[[Archive, int], Job],
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(store_job, "request_commitment", lambda *call: asked.append(call[2]))
    with scp() as (port, received):
        job = begin(archive, port)
        (message,) = messages(archive, "edge_jobs")
        with monkeypatch.context() as patch:
            patch.setattr(job_leases, "end", _unavailable)
            with pytest.raises(Unavailable):
                run_message(archive, message, load_kind, lambda: True)
        deaths()
        run_message(archive, message, load_kind, lambda: True)
    ended = rows.job(archive.index.table, job.identifier)
    assert ended is not None
    assert (ended.state, ended.error_details) == (JobState.SUCCESS, "")
    assert len(received) == 1
    assert asked == (["2.25.1"] if begin is store else [])
    assert [name for name, _ in archive.bucket.iter_objects("derived/")] == []


def test_what_a_job_works_from_outlives_a_day(archive: Archive) -> None:
    """Answers go after a day; a job may rest for longer."""
    job = straight(archive, 1)
    assert job.request["Key"].startswith("derived/jobs/")
    assert archive.bucket.exists(job.request["Key"])


def _unavailable(*_: object) -> None:
    raise Unavailable("DynamoDB")
