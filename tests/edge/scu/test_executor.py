"""The executor: jobs stop at their next step when it drains, and others go on with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dimse_edge import executor as module
from dimse_edge.executor import Executor, load_kind
from nephele.aws import clients
from nephele.aws.index import jobs as rows
from nephele.aws.queues import Queue, Received
from nephele.domain.jobs import Executor as Runs
from nephele.domain.jobs import Job, JobState
from nephele.services.archive import Archive
from nephele.services.jobs.kinds import KINDS
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import submit
from tests.unit.conftest import empty_archive

_SECONDS = 20.0


@pytest.fixture
def archive() -> Iterator[Archive]:
    with empty_archive() as opened:
        queue = Queue(clients.sqs().create_queue(QueueName="edge")["QueueUrl"])
        opened.queues["edge_jobs"] = queue
        yield opened


class Steps:
    """A kind that makes a step whenever it is told to."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_step = threading.Event()

    def run(self, _archive: Archive, piece: Slice) -> bool:
        self.has_begun.set()
        while piece.has_time():
            assert self.may_step.wait(_SECONDS)
            piece.position["steps"] = piece.position.get("steps", 0) + 1
            piece.checkpoint(0.5)
        return False


def state_of(archive: Archive, job: Job) -> Job:
    found = rows.job(archive.index.table, job.identifier)
    assert found is not None
    return found


def test_draining_gives_a_job_back(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps()
    monkeypatch.setattr(module, "load_kind", lambda _: steps)
    job = submit(archive, "DicomModalityStore", {})
    queue = archive.queue("edge_jobs")
    (message,) = queue.receive(wait_seconds=0)
    executor = Executor(archive, threads=1)
    executor.take(message)
    assert steps.has_begun.wait(_SECONDS)
    drained: list[bool] = []
    draining = threading.Thread(target=lambda: drained.append(executor.drain(_SECONDS)))
    draining.start()
    steps.may_step.set()
    draining.join(_SECONDS)
    assert drained == [True]
    kept = state_of(archive, job)
    assert not kept.state.is_final
    assert kept.position["steps"] >= 1
    (again,) = queue.receive(wait_seconds=0)
    assert (again.body["job"], again.body["turn"]) == (job.identifier, kept.turn)


def test_what_comes_while_draining_is_given_back_at_once(archive: Archive) -> None:
    job = submit(archive, "DicomModalityStore", {})
    queue = archive.queue("edge_jobs")
    (message,) = queue.receive(wait_seconds=0)
    executor = Executor(archive, threads=1)
    executor.drain(0)
    executor.take(message)
    assert executor.drain(_SECONDS)
    assert state_of(archive, job).state is JobState.PENDING
    (again,) = queue.receive(wait_seconds=0)
    assert again.deliveries == 2


def test_every_job_of_the_edge_has_its_code() -> None:
    for row in KINDS.values():
        if row.executor is Runs.EDGE and not row.module:
            assert callable(load_kind(row.job_type).run)


def test_a_message_that_is_no_json_takes_nothing_along(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps()
    monkeypatch.setattr(module, "load_kind", lambda _: steps)
    queue = archive.queue("edge_jobs")
    clients.sqs().send_message(QueueUrl=queue.url, MessageBody="not JSON")
    submit(archive, "DicomModalityStore", {})
    executor = Executor(archive, threads=2)
    for message in queue.receive(10, wait_seconds=0):
        executor.take(message)
    assert steps.has_begun.wait(_SECONDS)
    steps.may_step.set()
    assert executor.drain(_SECONDS)


def test_polling_goes_on_after_a_failure(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    has_gone_on = threading.Event()
    failures = iter([RuntimeError("a bug")])

    class Odd:
        def receive(self, _most: int) -> list[Received]:
            for failure in failures:
                raise failure
            has_gone_on.set()
            return []

    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)
    archive.queues["edge_jobs"] = Odd()  # type: ignore[assignment]
    executor = Executor(archive, threads=1)
    executor.start()
    assert has_gone_on.wait(_SECONDS)
    executor.drain(0)


def test_the_process_ends_with_its_poller(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    has_ended = threading.Event()

    def end(code: int) -> None:
        codes.append(code)
        has_ended.set()

    monkeypatch.setattr("os._exit", end)
    monkeypatch.setattr(Executor, "_take_slots", lambda _: 1 / 0)
    Executor(archive, threads=1).start()
    assert has_ended.wait(_SECONDS)
    assert codes == [1]
