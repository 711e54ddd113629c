"""A kind of job that does what a test wants, and workers that are at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nephele.aws.index import jobs
from nephele.domain.jobs import Executor, Job
from nephele.services.archive import Archive
from nephele.services.jobs import engine, kinds
from nephele.services.jobs.kinds import KindRow
from nephele.services.jobs.slices import Slice
from tests.unit.conftest import messages

Run = Callable[[Archive, Slice], bool]


class Kind:
    """A kind whose work is a function."""

    def __init__(self, work: Run) -> None:
        self.run = work


@pytest.fixture(autouse=True)
def kind_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in (
        KindRow("Test", Executor.FUNCTIONS),
        KindRow("Once", Executor.FUNCTIONS, can_resubmit=False),
        KindRow("Patient", Executor.FUNCTIONS, is_patient=True),
        KindRow("Hidden", Executor.EDGE, is_hidden=True),
    ):
        monkeypatch.setitem(kinds.KINDS, row.job_type, row)


def work(archive: Archive, run: Run, *, has_time: Callable[[], bool] = lambda: True) -> int:
    """Work on all messages until there are none; return how many slices that took."""
    slices = 0
    while found := messages(archive, "jobs") + messages(archive, "edge_jobs"):
        for message in found:
            engine.run_message(archive, message, lambda _: Kind(run), has_time)
            slices += 1
    return slices


def impatient(times: int) -> Callable[[], bool]:
    """Return what says so many times that there is time left."""
    left = iter([True] * times)
    return lambda: next(left, False)


def finish(archive: Archive, times: int) -> int:
    """Run all slices, each with time for some steps; return how many there were."""
    slices = 0
    while found := messages(archive, "jobs"):
        for message in found:
            engine.run_message(archive, message, kinds.load_kind, impatient(times))
            slices += 1
    return slices


def leave_after_a_step(archive: Archive, job: Job, _: float = 0.0) -> Job:
    """Stand for `run_or_wait`: a call does one step of a job that it began, and does not wait."""
    if not job.position:
        message = {"job": job.identifier, "turn": 0}
        engine.run_message(archive, message, kinds.load_kind, impatient(1))
    return job


def read(archive: Archive, job: Job) -> Job:
    """Return a job as it is now."""
    found = jobs.job(archive.index.table, job.identifier)
    assert found is not None
    return found


def run_message(archive: Archive, message: dict[str, Any], run: Run) -> None:
    """Run one slice with a kind that does what a test wants."""
    engine.run_message(archive, message, lambda _: Kind(run), lambda: True)
