"""The order in which jobs are begun: by priority, then as they came."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from nephele.aws.index import job_lists, jobs
from nephele.aws.queues import Received
from nephele.domain.jobs import Executor, JobState
from nephele.errors import NepheleError, Unavailable
from nephele.services.archive import Archive
from nephele.services.jobs import engine, priority, unattended
from nephele.services.jobs.engine import Held
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import JobOptions, submit
from nephele.services.jobs.worker import run_received
from nephele.settings.limits import MAXIMUM_RECEIVES
from tests.unit.conftest import messages
from tests.unit.jobs.conftest import Kind

Deaths = Callable[[], None]


class Worker:
    """One worker, which takes messages as the queue delivers them; `begun` are the jobs' names."""

    def __init__(self, archive: Archive, *, slices: int = 1) -> None:
        self.archive = archive
        self.begun: list[str] = []
        self._slices = slices

    def submit(self, name: str, priority: int, executor: Executor = Executor.FUNCTIONS) -> str:
        options = JobOptions(synchronous=False, priority=priority, user_data=name)
        return submit(self.archive, "Test", {}, options, executor=executor).identifier

    def take_one(self, queue: str = "jobs") -> bool:
        """Work on one message; False if there is none."""
        waiting = self.archive.queue(queue)
        for message in waiting.receive(1, wait_seconds=0):
            run_received(self.archive, waiting, message, lambda _: Kind(self.run), lambda: True)
            return True
        return False

    def run(self, _: Archive, piece: Slice) -> bool:
        self.begun.append(piece.job.user_data)
        count = piece.position.get("slices", 0) + 1
        piece.position["slices"] = count
        return count >= self._slices


def test_the_highest_priority_is_begun_first(archive: Archive) -> None:
    worker = Worker(archive)
    for name, rank in (("a", 0), ("b", 5), ("c", 1), ("d", 0), ("e", 5), ("f", -3)):
        worker.submit(name, rank)
    while worker.take_one():
        pass
    assert "".join(worker.begun) == "becadf"


def test_a_job_of_many_slices_lets_a_higher_one_go_first(archive: Archive) -> None:
    worker = Worker(archive, slices=2)
    worker.submit("a", 0)
    assert worker.take_one()
    worker.submit("b", 1)
    while worker.take_one():
        pass
    assert worker.begun[:2] == ["a", "b"]
    assert sorted(worker.begun) == ["a", "a", "b", "b"]


def test_other_executors_are_left_alone(archive: Archive) -> None:
    worker = Worker(archive)
    worker.submit("here", 0)
    worker.submit("edge", 9, Executor.EDGE)
    assert worker.take_one()
    assert worker.begun == ["here"]
    assert worker.take_one("edge_jobs")
    assert worker.begun == ["here", "edge"]


def test_one_that_another_worker_has_just_begun_is_passed_over(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(archive)
    low = worker.submit("low", 0)
    high = [worker.submit("high", 9) for _ in range(3)]
    real = priority.run_message

    def run(archive: Archive, message: dict[str, object], *more: object) -> None:
        if message["job"] in high:
            raise Held(10)
        real(archive, message, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(priority, "run_message", run)
    assert worker.take_one()
    assert worker.begun == ["low"]
    assert jobs.jobs(archive.index.table, [low])[low].state is JobState.SUCCESS
    assert sorted(one["job"] for one in messages(archive, "jobs")) == sorted(high)


def test_the_failures_of_others_are_not_its_own(archive: Archive) -> None:
    """Its message is not brought again by them, and is there once; theirs come again."""
    worker = Worker(archive)
    low = worker.submit("low", 0)
    high = [worker.submit("high", 1) for _ in range(MAXIMUM_RECEIVES)]

    def fail(_: Archive, piece: Slice) -> bool:
        if piece.job.identifier != low:
            raise Unavailable("S3")
        return True

    queue = Deliveries()
    for _ in range(MAXIMUM_RECEIVES + 1):
        (own,) = (one for one in messages(archive, "jobs") if one["job"] == low)
        received = Received(json.dumps(own), "", 1)
        run_received(archive, queue, received, lambda _: Kind(fail), lambda: True)  # type: ignore[arg-type]
    assert queue.deleted == MAXIMUM_RECEIVES + 1
    found = jobs.jobs(archive.index.table, [low, *high])
    assert found.pop(low).state is JobState.SUCCESS
    assert {one.state for one in found.values()} == {JobState.RETRY}


class Deliveries:
    """A queue that counts the messages that are done with."""

    deleted = 0

    def keep_away(self, _handle: str, _seconds: int) -> None: ...

    def delete(self, _handle: str) -> None:
        self.deleted += 1


class Killed(BaseException):
    """The end of a worker."""


def test_the_deaths_of_others_are_not_its_own(archive: Archive, deaths: Deaths) -> None:
    """Whatever its first message comes to, another one is there, and counts from the beginning."""
    worker = Worker(archive)
    low, high = worker.submit("low", 0), worker.submit("high", 1)
    first = next(one for one in messages(archive, "jobs") if one["job"] == low)

    def die(_: Archive, piece: Slice) -> bool:
        assert piece.job.identifier == high
        raise Killed

    received = Received(json.dumps(first), "", 1)
    with pytest.raises(Killed):
        run_received(archive, Deliveries(), received, lambda _: Kind(die), lambda: True)  # type: ignore[arg-type]
    deaths()
    run_received(archive, Deliveries(), received, lambda _: Kind(die), lambda: True)  # type: ignore[arg-type]
    assert unattended.is_given_up(archive, json.dumps(first))
    assert jobs.jobs(archive.index.table, [low])[low].state is JobState.PENDING
    while worker.take_one():
        pass
    assert worker.begun == ["low"]


def test_a_queue_that_takes_no_message_keeps_the_one_at_hand(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(archive)
    low, _ = worker.submit("low", 0), worker.submit("high", 1)
    first = next(one for one in messages(archive, "jobs") if one["job"] == low)

    def refuse(*_: object, **__: object) -> None:
        raise Unavailable("queue")

    monkeypatch.setattr(priority, "enqueue", refuse)
    queue, received = Deliveries(), Received(json.dumps(first), "", 1)
    run_received(archive, queue, received, lambda _: Kind(worker.run), lambda: True)  # type: ignore[arg-type]
    assert (queue.deleted, worker.begun) == (0, [])


def test_jobs_are_only_listed_for_what_may_go_before(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(archive)
    for name, rank in (("a", 0), ("b", 2)):
        worker.submit(name, rank)
    with monkeypatch.context() as patch:
        patch.setattr(job_lists, "list_jobs", None)
        patch.setattr(engine, "trim_history", lambda *_: None)
        while worker.take_one():
            pass
    assert worker.begun == ["b", "a"]
    assert job_lists.urgent_jobs(archive.index.table) == []


def test_what_is_submitted_again_goes_before_again(archive: Archive) -> None:
    worker = Worker(archive)
    high = worker.submit("high", 1)
    failure = jobs.Failure(NepheleError.__name__)
    assert jobs.end_unattended(archive.index.table, high, failure)
    assert job_lists.urgent_jobs(archive.index.table) == []
    assert jobs.wake(archive.index.table, high, JobState.FAILURE)
    assert [one.identifier for one in job_lists.urgent_jobs(archive.index.table)] == [high]
