"""Reports of storage commitment: they wait for indexing, and are sent again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from bench.edge import free_port
from dimse_edge.executor import load_kind
from dimse_edge.scu import commitment_report
from nephele.aws import clients
from nephele.aws.index import jobs as rows
from nephele.aws.queues import Queue
from nephele.domain.jobs import Job, JobState
from nephele.domain.sop_classes import STORAGE_COMMITMENT_PUSH
from nephele.services.archive import Archive
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.submit import submit
from nephele.services.store import store
from tests.unit.conftest import archive as archive
from tests.unit.conftest import dicom_file, provenance

_CT = "1.2.840.10008.5.1.4.1.1.2"
_UID = "1.2.3.4"


@contextmanager
def asker(port: int = 0) -> Iterator[tuple[int, list[tuple[int, Dataset]]]]:
    """Run a peer that keeps the reports it gets; yield its port and those."""
    reports: list[tuple[int, Dataset]] = []

    def take(event: evt.Event) -> tuple[int, None]:
        reports.append((event.event_type, event.event_information))
        return 0x0000, None

    entity = AE("ASKER")
    entity.add_supported_context(STORAGE_COMMITMENT_PUSH, scu_role=False, scp_role=True)
    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, take)]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield server.server_address[1], reports
    finally:
        server.shutdown()


@pytest.fixture(autouse=True)
def edge_jobs(archive: Archive) -> None:
    archive.queues["edge_jobs"] = Queue(
        clients.sqs().create_queue(QueueName="edge_jobs")["QueueUrl"]
    )


def submitted(archive: Archive, port: int) -> Job:
    modality = {"AET": "ASKER", "Host": "127.0.0.1", "Port": port, "Timeout": 30}
    request = {"Modality": modality, "TransactionUID": "2.25.7", "References": [[_CT, _UID]]}
    return submit(archive, "StorageCommitmentScp", request)


def work_at(archive: Archive, job: Job) -> Job:
    """Do one slice of a job, and return what it is then."""
    known = rows.job(archive.index.table, job.identifier)
    assert known is not None
    run_message(archive, {"job": job.identifier, "turn": known.turn}, load_kind, lambda: True)
    after = rows.job(archive.index.table, job.identifier)
    assert after is not None
    return after


def test_what_is_not_indexed_yet_is_waited_for(archive: Archive) -> None:
    with asker() as (port, reports):
        job = submitted(archive, port)
        assert not work_at(archive, job).state.is_final
        assert reports == []
        store(archive, io.BytesIO(dicom_file(SOPInstanceUID=_UID)), provenance())
        assert work_at(archive, job).state is JobState.SUCCESS
    ((event_type, report),) = reports
    assert (event_type, report.TransactionUID) == (1, "2.25.7")
    (committed,) = report.ReferencedSOPSequence
    assert committed.ReferencedSOPInstanceUID == _UID
    assert "FailedSOPSequence" not in report


def test_what_never_comes_is_reported_as_failed(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitment_report, "_INDEXED_SECONDS", 0)
    with asker() as (port, reports):
        assert work_at(archive, submitted(archive, port)).state is JobState.SUCCESS
    ((event_type, report),) = reports
    assert event_type == 2
    (failed,) = report.FailedSOPSequence
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == (_UID, 0x0112)


def test_a_report_that_cannot_be_delivered_is_sent_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitment_report, "_INDEXED_SECONDS", 0)
    port = free_port()
    job = submitted(archive, port)
    assert not work_at(archive, job).state.is_final
    assert not work_at(archive, job).state.is_final
    with asker(port) as (_, reports):
        assert work_at(archive, job).state is JobState.SUCCESS
    assert len(reports) == 1


def test_a_report_that_is_never_taken_fails(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitment_report, "_INDEXED_SECONDS", 0)
    job = submitted(archive, free_port())
    states = [work_at(archive, job).state for _ in range(3)]
    assert states[-1] is JobState.FAILURE
    assert not any(state.is_final for state in states[:-1])
