"""What clients do to jobs, in each state a job may be in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nephele.aws.index import job_lists
from nephele.aws.index.table import Table
from nephele.domain.jobs import Job, JobState
from nephele.errors import (
    BadFileFormat,
    BadSequenceOfCalls,
    InexistentItem,
    Unavailable,
    UnknownResource,
)
from nephele.services.archive import Archive
from nephele.services.jobs import control
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import JobOptions, submit
from tests.unit.conftest import messages

from .conftest import read, run_message, work
from .test_engine import count_steps, submitted


def fail(archive: Archive, piece: Slice) -> bool:
    piece.position["done"] = 2
    piece.checkpoint(0.5)
    raise BadFileFormat("broken")


def test_a_pending_job_rests_at_once_and_goes_on(archive: Archive) -> None:
    job = submitted(archive)
    control.pause(archive, job.identifier)
    assert read(archive, job).state is JobState.PAUSED
    work(archive, count_steps)
    assert read(archive, job).state is JobState.PAUSED
    assert control.resume(archive, job.identifier)
    assert read(archive, job).state is JobState.PENDING
    work(archive, count_steps)
    assert read(archive, job).state is JobState.SUCCESS


def test_a_running_job_rests_after_its_step(archive: Archive) -> None:
    job = submitted(archive)

    def run(archive: Archive, piece: Slice) -> bool:
        control.pause(archive, job.identifier)
        assert read(archive, job).state is JobState.RUNNING
        piece.position["done"] = 1
        piece.checkpoint(0.3)
        raise AssertionError("it was to rest")

    work(archive, run)
    paused = read(archive, job)
    assert (paused.state, paused.position) == (JobState.PAUSED, {"done": 1})
    assert control.resume(archive, job.identifier)
    work(archive, count_steps)
    assert read(archive, job).content["Count"] == 3


def test_a_kind_that_returns_before_its_checkpoint_rests_too(archive: Archive) -> None:
    job = submitted(archive)

    def run(archive: Archive, piece: Slice) -> bool:
        control.pause(archive, job.identifier)
        return False

    work(archive, run)
    assert read(archive, job).state is JobState.PAUSED


@pytest.mark.parametrize("is_running", [False, True], ids=["pending", "running"])
def test_cancelling_is_a_failure(archive: Archive, is_running: bool) -> None:
    job = submitted(archive)

    def run(archive: Archive, piece: Slice) -> bool:
        control.cancel(archive, job.identifier)
        piece.checkpoint(0.3)
        raise AssertionError("it was to end")

    if is_running:
        work(archive, run)
    else:
        control.cancel(archive, job.identifier)
        work(archive, count_steps)
    ended = read(archive, job)
    assert (ended.state, ended.error) == (JobState.FAILURE, "JobCanceled")


def test_a_paused_job_can_be_cancelled(archive: Archive) -> None:
    job = submitted(archive)
    control.pause(archive, job.identifier)
    control.cancel(archive, job.identifier)
    assert read(archive, job).error == "JobCanceled"


def test_a_job_whose_worker_died_can_be_cancelled(
    archive: Archive, deaths: Callable[[], None]
) -> None:
    class Killed(BaseException):
        pass

    job = submitted(archive)
    (message,) = messages(archive, "jobs")

    def die(archive: Archive, piece: Slice) -> bool:
        raise Killed

    with pytest.raises(Killed):
        run_message(archive, message, die)
    deaths()
    control.cancel(archive, job.identifier)
    assert read(archive, job).error == "JobCanceled"


def test_a_failed_job_begins_anew(archive: Archive) -> None:
    job = submitted(archive)
    work(archive, fail)
    assert control.resubmit(archive, job.identifier)
    again = read(archive, job)
    assert (again.state, again.position, again.progress) == (JobState.PENDING, {}, 0)
    assert (again.content, again.error) == ({"Description": "REST API"}, "")
    assert control.list_jobs(archive) == [job.identifier]
    work(archive, count_steps)
    assert read(archive, job).state is JobState.SUCCESS


def test_a_job_that_begins_anew_asks_for_another_commitment(archive: Archive) -> None:
    """Orthanc's does, too: a transaction's UID is good once. See PS3.4 J.3.2."""
    content = {"Description": "REST API", "StorageCommitmentTransactionUID": "2.25.1"}
    options = JobOptions(synchronous=False)
    job = submit(archive, "Test", {"Steps": 3}, options, content)
    work(archive, fail)
    assert control.resubmit(archive, job.identifier)
    renewed = read(archive, job).content
    assert renewed["StorageCommitmentTransactionUID"].startswith("2.25.")
    assert renewed["StorageCommitmentTransactionUID"] != "2.25.1"
    work(archive, count_steps)
    assert read(archive, job).content == renewed | {"Count": 3}


Act = Callable[[Archive, str], object]


def succeeded(archive: Archive) -> Job:
    job = submitted(archive)
    work(archive, count_steps)
    return job


def failed(archive: Archive) -> Job:
    job = submitted(archive, "Once")
    work(archive, fail)
    return job


@pytest.mark.parametrize(
    ("make", "act", "outcome"),
    [
        (succeeded, control.pause, None),
        (succeeded, control.cancel, None),
        (succeeded, control.resume, False),
        (succeeded, control.resubmit, False),
        (submitted, control.resume, False),
        (submitted, control.resubmit, False),
        (failed, control.resubmit, BadSequenceOfCalls),
        (submitted, control.delete_job, InexistentItem),
    ],
    ids=[
        "pause a completed one: nothing",
        "cancel a completed one: nothing",
        "resume a completed one: refused",
        "resubmit one that succeeded: refused",
        "resume a pending one: refused",
        "resubmit a pending one: refused",
        "resubmit what is done once",
        "delete a pending one",
    ],
)
def test_what_cannot_be_done(
    archive: Archive, make: Callable[[Archive], Job], act: Act, outcome: object
) -> None:
    job = make(archive)
    before = read(archive, job)
    if isinstance(outcome, type):
        with pytest.raises(outcome):
            act(archive, job.identifier)
    else:
        assert act(archive, job.identifier) is outcome
    assert read(archive, job) == before


@pytest.mark.parametrize(
    "act", [control.pause, control.resume, control.cancel, control.resubmit, control.get_job]
)
def test_unknown_jobs(archive: Archive, act: Act) -> None:
    with pytest.raises(UnknownResource):
        act(archive, "no-such-job")


def test_outputs_are_there_until_deleted(archive: Archive) -> None:
    job = submitted(archive)

    def run(archive: Archive, piece: Slice) -> bool:
        with pytest.raises(InexistentItem):
            control.output(archive, job.identifier, "archive")
        archive.bucket.put("derived/out", b"zip", {}, bytes(16))
        piece.set_output("derived/out", "a.zip")
        return True

    work(archive, run)
    assert control.output(archive, job.identifier, "archive").output_name == "a.zip"
    with pytest.raises(InexistentItem):
        control.output(archive, job.identifier, "other")
    control.delete_output(archive, job.identifier, "archive")
    assert not archive.bucket.exists("derived/out")
    with pytest.raises(InexistentItem):
        control.output(archive, job.identifier, "archive")
    control.delete_job(archive, job.identifier)
    assert control.list_jobs(archive) == []


def test_a_job_that_begins_anew_is_listed_at_once(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(archive)
    work(archive, fail)

    def put(*_: object) -> None:
        raise Unavailable("DynamoDB")

    monkeypatch.setattr(Table, "put", put)
    assert control.resubmit(archive, job.identifier)
    (listed,) = job_lists.list_jobs(archive.index.table)
    assert not listed.completed, "whoever reminds of jobs finds it"
