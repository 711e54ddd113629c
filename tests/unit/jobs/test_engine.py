"""Slices, leases and turns: nothing runs twice at once, nothing is lost."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from typing import Any

import pytest

from nephele.aws.index import job_leases, job_lists, jobs, keys
from nephele.aws.queues import Queue
from nephele.domain.jobs import Job, JobState
from nephele.errors import AnswerTooLarge, NetworkProtocol, NotTranscodable, Unavailable
from nephele.services.archive import Archive
from nephele.services.dead_letters import keep, list_dead_letters
from nephele.services.jobs import control, engine, patience, submit, unattended
from nephele.services.jobs.priority import run_in_turn
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import JobOptions
from nephele.services.jobs.worker import run_event
from tests.unit.conftest import messages

from .conftest import Kind, read, run_message, work

ASYNCHRONOUS = JobOptions(synchronous=False)


def submitted(archive: Archive, job_type: str = "Test", **options: object) -> Job:
    chosen = replace(ASYNCHRONOUS, **options)  # type: ignore[arg-type]
    return submit.submit(archive, job_type, {"Steps": 3}, chosen, {"Description": "REST API"})


def count_steps(archive: Archive, piece: Slice) -> bool:
    done = piece.position.get("done", 0)
    while done < piece.request["Steps"]:
        if not piece.has_time():
            return False
        done += 1
        piece.position["done"] = done
        piece.content["Count"] = done
        piece.checkpoint(done / piece.request["Steps"])
    return True


def test_a_job_succeeds(archive: Archive) -> None:
    job = submitted(archive, priority=4, user_data={"a": 1})
    assert work(archive, count_steps) == 1
    done = read(archive, job)
    assert done.state is JobState.SUCCESS
    assert (done.progress, done.priority, done.user_data) == (1.0, 4, {"a": 1})
    assert done.content == {"Description": "REST API", "Count": 3}
    assert done.completed > done.created
    assert done.error == ""


def test_slices_go_on_where_the_last_one_ended(archive: Archive) -> None:
    job = submitted(archive)
    times = iter([True, False, True, False, True])
    assert work(archive, count_steps, has_time=lambda: next(times)) == 3
    assert read(archive, job).content["Count"] == 3


def test_a_job_that_runs_elsewhere_is_left_alone(archive: Archive) -> None:
    submitted(archive)
    (message,) = messages(archive, "jobs")
    runs = []

    def run(archive: Archive, piece: Slice) -> bool:
        with pytest.raises(job_leases.Held) as held:
            run_message(archive, message, run)
        runs.append(held.value.seconds)
        return True

    run_message(archive, message, run)
    assert len(runs) == 1
    assert 0 < runs[0] <= job_leases.LEASE_SECONDS


def test_a_message_of_an_earlier_turn_is_stale(archive: Archive) -> None:
    job = submitted(archive)
    (message,) = messages(archive, "jobs")
    run_message(archive, message, lambda *_: False)
    (following,) = messages(archive, "jobs")
    assert following == {"job": job.identifier, "turn": 1}

    def never(archive: Archive, piece: Slice) -> bool:
        raise AssertionError

    run_message(archive, message, never)
    assert messages(archive, "jobs") == []
    run_message(archive, following, count_steps)
    assert read(archive, job).state is JobState.SUCCESS


class _Killed(BaseException):
    """A worker that ends without a word."""


def killed_after(steps: int) -> Callable[[Archive, Slice], bool]:
    def run(archive: Archive, piece: Slice) -> bool:
        for _ in range(steps):
            piece.position["done"] = piece.position.get("done", 0) + 1
            piece.checkpoint(0.1)
        raise _Killed

    return run


def test_a_dead_workers_job_goes_on_from_its_last_checkpoint(
    archive: Archive, deaths: Callable[[], None]
) -> None:
    job = submitted(archive)
    (message,) = messages(archive, "jobs")
    with pytest.raises(_Killed):
        run_message(archive, message, killed_after(2))
    with pytest.raises(job_leases.Held):
        run_message(archive, message, count_steps)
    deaths()
    seen = []

    def run(archive: Archive, piece: Slice) -> bool:
        seen.append(piece.position["done"])
        return count_steps(archive, piece)

    run_message(archive, message, run)
    assert seen == [2]
    assert read(archive, job).state is JobState.SUCCESS


def test_deaths_between_which_something_was_done_do_not_add_up(
    archive: Archive, deaths: Callable[[], None]
) -> None:
    job = submitted(archive)
    (message,) = messages(archive, "jobs")
    for _ in range(8):
        with pytest.raises(_Killed):
            run_message(archive, message, killed_after(1))
        deaths()
        message = max(delayed(archive, is_watch=False), key=itemgetter("turn"), default=message)
    assert message == {"job": job.identifier, "turn": 7}, "its deliveries are counted anew"
    assert read(archive, job).position == {"done": 8}


def delayed(archive: Archive, *, is_watch: bool) -> list[dict[str, Any]]:
    """Return messages that are delayed, too: moto keeps them in the queue."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.sqs import sqs_backends

    backend = sqs_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"]
    found = [json.loads(one.body) for one in backend.queues["jobs"]._messages]
    return [one for one in found if engine.is_watch(one) is is_watch]


def test_a_job_whose_worker_died_before_it_was_heard_of_is_done_by_its_watch(
    archive: Archive,
) -> None:
    job = submitted(archive)
    lost = messages(archive, "jobs")
    (watch,) = delayed(archive, is_watch=True)
    assert [watch] == [one | {"watch": True} for one in lost]
    run_in_turn(archive, watch, lambda _: Kind(count_steps), lambda: True, lambda _: None)
    assert read(archive, job).state is JobState.SUCCESS


def test_a_watch_comes_again_as_long_as_somebody_works(archive: Archive) -> None:
    job = submitted(archive)
    (message,) = messages(archive, "jobs")
    watch = message | {"watch": True}

    def run(archive: Archive, piece: Slice) -> bool:
        before = len(delayed(archive, is_watch=True))
        run_message(archive, watch, run)
        assert len(delayed(archive, is_watch=True)) == before + 1
        return True

    run_message(archive, message, run)
    assert read(archive, job).state is JobState.SUCCESS
    count = len(delayed(archive, is_watch=True))
    run_message(archive, watch, run)
    assert len(delayed(archive, is_watch=True)) == count, "there is nothing left to watch"


def test_the_edge_needs_no_watch(archive: Archive) -> None:
    """Its queue gives back soon what a worker died with."""
    submitted(archive, "Hidden")
    assert messages(archive, "edge_jobs")
    assert delayed(archive, is_watch=True) == []


def test_each_message_has_its_own_delay(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[list[tuple[object, int]]] = []
    monkeypatch.setattr(Queue, "send_each", lambda _, messages: sent.append(messages))
    job = submitted(archive)
    engine.enqueue(archive, job, turn=4, delay_seconds=10)
    engine.enqueue(archive, job, turn=5, delay_seconds=900)
    assert [[delay for _, delay in one] for one in sent] == [[0, 60], [10, 70], [840, 900]]


def test_a_worker_that_lost_its_lease_saves_nothing(
    archive: Archive, deaths: Callable[[], None]
) -> None:
    job = submitted(archive)
    (message,) = messages(archive, "jobs")

    def overtaken(archive: Archive, piece: Slice) -> bool:
        deaths()
        run_message(archive, message, count_steps)
        piece.position["done"] = 99
        piece.checkpoint(0.1)
        raise AssertionError("a checkpoint without a lease")

    run_message(archive, message, overtaken)
    done = read(archive, job)
    assert (done.state, done.position) == (JobState.SUCCESS, {"done": 3})


@pytest.mark.parametrize(
    ("error", "name", "details"),
    [
        (NetworkProtocol("refused", {"Type": "Dimse"}), "NetworkProtocol", "refused"),
        (NotTranscodable("no codec"), "NotTranscodable", "no codec"),
        (KeyError("a bug"), "NepheleError", "KeyError"),
    ],
    ids=["with a payload", "without", "a bug"],
)
def test_an_error_fails_the_job(
    archive: Archive, error: Exception, name: str, details: str
) -> None:
    job = submitted(archive)

    def run(archive: Archive, piece: Slice) -> bool:
        piece.content["FailedInstancesCount"] = 1
        raise error

    work(archive, run)
    failed = read(archive, job)
    assert (failed.state, failed.error, failed.error_details) == (JobState.FAILURE, name, details)
    assert failed.error_payload == getattr(error, "payload", None)
    assert failed.content["FailedInstancesCount"] == 1
    if isinstance(error, NetworkProtocol):
        with pytest.raises(NetworkProtocol, match="refused") as raised:
            submit.wait_for(archive, job.identifier)
        assert raised.value.payload == {"Type": "Dimse"}


def test_a_transient_error_is_tried_again_and_becomes_a_failure_in_the_end(
    archive: Archive,
) -> None:
    job = submitted(archive)
    (message,) = messages(archive, "jobs")

    def run(archive: Archive, piece: Slice) -> bool:
        raise Unavailable("S3: SlowDown")

    with pytest.raises(Unavailable):
        run_message(archive, message, run)
    assert read(archive, job).state is JobState.RETRY
    keep(archive, "letter", json.dumps(message))
    failed = read(archive, job)
    assert (failed.state, failed.error) == (JobState.FAILURE, "NepheleError")
    assert "S3: SlowDown" in failed.error_details
    assert list_dead_letters(archive) == []


def test_a_patient_job_outlasts_an_outage(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE_SECONDS", 0)
    job = submitted(archive, "Patient")
    outage = iter([Unavailable("S3: SlowDown")] * 20)

    def run(archive: Archive, piece: Slice) -> bool:
        for error in outage:
            raise error
        return True

    assert work(archive, run) == 21, "no delivery counts as the last one"
    assert read(archive, job).state is JobState.SUCCESS


def test_a_dead_letter_lets_a_patient_job_go_on(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing could be written for so long that its message was given up."""
    job = submitted(archive, "Patient")
    (message,) = messages(archive, "jobs")
    keep(archive, "letter", json.dumps(message))
    assert not read(archive, job).state.is_final
    monkeypatch.setattr(unattended, "_FORGOTTEN_SECONDS", -1)
    assert unattended.remind(archive) == 1
    assert messages(archive, "jobs") == [message]
    real = patience.clock.age_seconds
    monkeypatch.setattr(patience.clock, "age_seconds", lambda when: real(when) + 8 * 86_400)
    keep(archive, "letter", json.dumps(message))
    assert read(archive, job).state is JobState.FAILURE


def test_what_a_patient_job_failed_with_stays_listed(archive: Archive) -> None:
    failed = submitted(archive, "Patient")

    def run(archive: Archive, piece: Slice) -> bool:
        raise NetworkProtocol("refused")

    work(archive, run)
    for _ in range(12):
        submitted(archive)
        work(archive, count_steps)
    assert failed.identifier in control.list_jobs(archive)
    assert len(control.list_jobs(archive)) == 11


def test_a_dead_letter_of_a_job_that_goes_on_is_nothing(archive: Archive) -> None:
    job = submitted(archive)
    (message,) = messages(archive, "jobs")

    def run(archive: Archive, piece: Slice) -> bool:
        keep(archive, "letter", json.dumps(message))
        return True

    run_message(archive, message, run)
    keep(archive, "letter", json.dumps(message))
    assert read(archive, job).state is JobState.SUCCESS
    assert list_dead_letters(archive) == []


def test_a_job_without_a_message_is_reminded_of(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, paused, done = (submitted(archive) for _ in range(3))
    control.pause(archive, paused.identifier)
    for message in messages(archive, "jobs"):
        if message["job"] == done.identifier:
            run_message(archive, message, count_steps)
    assert unattended.remind(archive) == 0, "they are young"
    monkeypatch.setattr(unattended.clock, "age_seconds", lambda _: 1000.0)
    assert unattended.remind(archive) == 1
    assert messages(archive, "jobs") == [{"job": lost.identifier, "turn": 0}]


def test_the_function_lets_failed_messages_come_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(archive)
    (message,) = messages(archive, "jobs")
    delays: list[int] = []
    monkeypatch.setattr(
        "nephele.services.jobs.worker.return_after", lambda _, by: delays.extend(by.values())
    )
    record = {
        "messageId": "m",
        "receiptHandle": "h",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:1:jobs",
        "body": json.dumps(message),
        "attributes": {"ApproximateReceiveCount": "2"},
    }

    def run(archive: Archive, piece: Slice) -> bool:
        raise Unavailable("S3")

    answer = run_event(archive, {"Records": [record]}, lambda _: Kind(run), lambda: True)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert delays[-1] == 10
    good = run_event(archive, {"Records": [record]}, lambda _: Kind(count_steps), lambda: True)
    assert good == {"batchItemFailures": []}


@pytest.mark.parametrize("size", [0, 2], ids=["nothing", "a few"])
def test_history_has_the_size_that_is_configured(archive: Archive, size: int) -> None:
    options = archive.configuration.model_copy(update={"jobs_history_size": size})
    small = replace(archive, configuration=options)
    made = []
    for _ in range(3):
        made.append(submitted(small))
        work(small, count_steps)
    kept = sorted(job.identifier for job in made[3 - size :])
    assert control.list_jobs(small) == kept
    assert submit.wait_for(small, made[0].identifier).state is JobState.SUCCESS, "who waits gets it"


def test_what_is_completed_expires_after_four_weeks(archive: Archive) -> None:
    """By the table's TTL: row and list alike."""
    job = submitted(archive)
    work(archive, count_steps)
    for key in (keys.job(job.identifier), keys.listed_job(job.identifier)):
        row = archive.index.table.get(key)
        assert row is not None
        assert abs(int(row["expires"]["N"]) - time.time() - 28 * 86_400) < 60


def test_history_keeps_the_last_ones(archive: Archive) -> None:
    made = []
    for _ in range(12):
        made.append(submitted(archive))
        work(archive, count_steps)
    kept = sorted(job.identifier for job in made[2:])
    assert control.list_jobs(archive) == kept
    assert submit.wait_for(archive, made[0].identifier).state is JobState.SUCCESS
    assert jobs.job(archive.index.table, made[0].identifier).is_forgotten  # type: ignore[union-attr]


def test_hidden_jobs_are_never_listed(archive: Archive) -> None:
    job = submitted(archive, "Hidden")
    assert control.list_jobs(archive) == []
    assert [one.identifier for one in job_lists.list_jobs(archive.index.table)] == [job.identifier]
    work(archive, count_steps)
    assert job_lists.list_jobs(archive.index.table) == []
    assert control.get_job(archive, job.identifier).state is JobState.SUCCESS


def test_a_synchronous_job_runs_within_the_call(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "load_kind", lambda _: Kind(count_steps))
    job = submitted(archive, synchronous=True)
    assert messages(archive, "jobs") == [], "the message is for the case that this worker dies"
    assert submit.run_or_wait(archive, job).content["Count"] == 3
    assert delayed(archive, is_watch=True) == []
    (safety,) = delayed(archive, is_watch=False)
    run_message(archive, safety, Kind(killed_after(1)).run)
    assert read(archive, job).state is JobState.SUCCESS


def test_what_takes_too_long_goes_on_elsewhere(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "load_kind", lambda _: Kind(lambda *_: False))
    job = submitted(archive, synchronous=True)
    assert not submit.run_or_wait(archive, job, seconds=0.1).state.is_final
    work(archive, count_steps)
    assert submit.wait_for(archive, job.identifier).content["Count"] == 3


def test_what_has_one_cause_is_one_job(archive: Archive) -> None:
    name = "6f9619ff-8b86-d011-b42d-00c04fc964ff"

    def again(count: int) -> Job:
        return submit.submit(archive, "Test", {"Steps": count}, ASYNCHRONOUS, identifier=name)

    first, second = again(1), again(2)
    assert (first, second.request) == (second, {"Steps": 1})
    assert work(archive, count_steps) == 2, "the second message is stale"
    assert again(3).state is JobState.SUCCESS
    assert control.list_jobs(archive) == [name]


def test_a_large_content_is_written_once(archive: Archive) -> None:
    ids = [str(number) * 8 for number in range(1000)]
    content = {"Description": "REST API", "ParentResources": ids}
    job = submit.submit(archive, "Test", {"Steps": 3}, ASYNCHRONOUS, content)
    work(archive, count_steps)
    row = archive.index.table.get(keys.job(job.identifier))
    assert row is not None
    assert len(row["jk"]["B"]) < 100
    assert read(archive, job).content == content | {"Count": 3}


def test_what_a_row_cannot_hold_is_refused(archive: Archive) -> None:
    ids = [str(uuid.uuid4()) for _ in range(20_000)]
    with pytest.raises(AnswerTooLarge):
        submit.submit(archive, "Test", {"Resources": ids}, ASYNCHRONOUS)
    assert control.list_jobs(archive) == []
