"""Ends of jobs: done again they send nothing again, and they keep any number of ids."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from dimse_edge.executor import load_kind
from dimse_edge.scu import store_job
from dimse_edge.scu.retrieved import Retrieved
from dimse_edge.scu.retrieving import retrieve_all
from nephele.aws import clients
from nephele.aws.index import job_leases
from nephele.aws.index import jobs as rows
from nephele.aws.queues import Queue
from nephele.domain.commitment import Commitment, Reference
from nephele.domain.jobs import Job, JobState
from nephele.errors import Unavailable
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.services.commitments import await_commitment, keep_report
from nephele.services.dimse_calls import Call, submit_straight
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import submit
from nephele.settings.modality import read_modality
from tests.unit.conftest import archive as archive
from tests.unit.conftest import deaths as deaths
from tests.unit.conftest import dicom_file, messages
from tests.unit.rest.conftest import Client

from .test_sender import kept, scp


@pytest.fixture(autouse=True)
def edge_jobs(archive: Archive) -> None:
    if "edge_jobs" not in archive.queues:
        url = clients.sqs().create_queue(QueueName="edge_jobs")["QueueUrl"]
        archive.queues["edge_jobs"] = Queue(url)


def modality(port: int) -> dict[str, Any]:
    return {"AET": "PEER", "Host": "127.0.0.1", "Port": port, "Timeout": 10}


def store(archive: Archive, port: int) -> Job:
    ids = [str(kept(archive, sop=f"1.2.3.{number}")) for number in range(3)]
    request = {"Modality": modality(port), "Resources": ids}
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
    asked: list[list[str]] = []
    monkeypatch.setattr(store_job, "_SENT_IN_ROW", 2)
    monkeypatch.setattr(
        store_job, "request_commitment", lambda *call: asked.append([uid for _, uid in call[3]])
    )
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
    assert len(received) == (3 if begin is store else 1)
    assert asked == ([[one["uid"] for one in received]] if begin is store else [])
    assert [name for name, _ in archive.bucket.iter_objects("derived/")] == []


def test_what_a_job_works_from_outlives_a_day(archive: Archive) -> None:
    """Answers go after a day; a job may rest for longer."""
    job = straight(archive, 1)
    assert job.request["Key"].startswith("derived/jobs/")
    assert archive.bucket.exists(job.request["Key"])


def test_a_retrieval_may_bring_any_number(archive: Archive) -> None:
    """A row of 400 KB holds some 15,000 ids."""
    ids = [[str(uuid.uuid4()) for _ in range(count)] for count in (3, 20_000, 5)]
    found = iter(ids)

    class Kind:
        def run(self, archive: Archive, piece: Slice) -> bool:
            return retrieve_all(archive, piece, "C-GET", lambda *_: Retrieved(0, "", next(found)))

    job = submit(archive, "DicomGetScu", {"Level": "Study", "Queries": [{}] * 3})
    (message,) = messages(archive, "edge_jobs")
    run_message(archive, message, lambda _: Kind(), lambda: True)
    answer = Client(create_app(lambda: archive)).get(f"/jobs/{job.identifier}").json()
    assert answer["State"] == "Success"
    assert [one["ReceivedInstancesIds"] for one in answer["Content"]["Details"]] == ids


def test_a_report_may_name_any_number(archive: Archive) -> None:
    references = tuple(Reference("1.2.840.10008.5.1.4.1.1.2", f"2.25.{n}") for n in range(9000))
    await_commitment(archive, "2.25.1", "PEER")
    keep_report(archive, Commitment("2.25.1", references, ()))
    told = Client(create_app(lambda: archive)).get("/storage-commitment/2.25.1").json()
    assert [one["SOPInstanceUID"] for one in told["Success"]] == [
        one.sop_instance_uid for one in references
    ]
    assert (told["Status"], told["RemoteAET"], told["Failures"]) == ("Success", "PEER", [])


def _unavailable(*_: object) -> None:
    raise Unavailable("DynamoDB")
