"""Which of the jobs that wait is begun first: Orthanc's `Priority`, the highest one.

Queues deliver in the order of arrival, more or less. So a worker that is brought a job looks for
one of a higher priority that nobody has begun, begins that instead, and lets the job at hand have
another turn, by another message: neither a failure of the other nor the death of its worker counts
as one of its own. Whichever worker is brought the other's own message finds it begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nephele.aws.index import job_leases as leases
from nephele.aws.index import job_lists
from nephele.aws.index import jobs as rows
from nephele.domain.jobs import Document, Job, JobState
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.engine import Held, KeepAway, enqueue, is_watch, run_message
from nephele.services.jobs.kinds import Kinds

_MOST = 10
"""Jobs of higher priority that are looked at: others may have begun them meanwhile."""


def run_in_turn(
    archive: Archive,
    message: Document,
    kinds: Kinds,
    has_time: Callable[[], bool],
    keep_away: KeepAway,
) -> None:
    """Run one slice as `run_message`: of the job a message is about, or of one that goes before.

    What fails of the other is nothing the job at hand pays for: the other's message tries again.
    A watch lets nobody go before: most often there is nothing left to do for it.
    """
    is_first = not is_watch(message)
    own = rows.job(archive.index.table, str(message["job"])) if is_first else None
    asides = () if own is None else _iter_asides(archive, own, int(message["turn"]))
    for first, aside in asides:
        other = {"job": first.identifier, "turn": first.turn}
        try:
            run_message(archive, other, kinds, has_time, keep_away, aside)
        except Held:
            continue  # another worker was faster
        except NepheleError as error:
            if not aside.is_done:
                raise
            facts = {"job": first.identifier, "error": type(error).__name__}
            logger.warning("slice of a job of higher priority failed", extra=facts)
        if aside.is_done:
            return
    run_message(archive, message, kinds, has_time, keep_away)


class _StepAside:
    """Gives a job another turn once a worker has another one's lease; the message at hand is stale.

    `is_done` is whether that came to pass.
    """

    def __init__(self, archive: Archive, job: Job, turn: int) -> None:
        self._archive = archive
        self._job = job
        self._turn = turn
        self.is_done = False

    def __call__(self) -> None:
        enqueue(self._archive, self._job, turn=self._turn + 1)
        leases.skip(self._archive.index.table, self._job.identifier, self._turn)
        self.is_done = True


def _iter_asides(archive: Archive, own: Job, turn: int) -> Iterator[tuple[Job, _StepAside]]:
    """Yield the jobs that go before, and what steps aside for each."""
    for first in _jobs_before(archive, own):
        yield first, _StepAside(archive, own, turn)


def _jobs_before(archive: Archive, own: Job) -> Iterator[Job]:
    """Yield pending jobs of the same executor that have a higher priority, the highest first.

    All jobs are listed for one below the usual priority alone.
    """
    table = archive.index.table
    listed = job_lists.urgent_jobs(table) if own.priority >= 0 else job_lists.list_jobs(table)
    higher = sorted(
        (
            one
            for one in listed
            if not one.completed and one.executor is own.executor and one.priority > own.priority
        ),
        key=lambda one: (-one.priority, one.created),
    )[:_MOST]
    found = rows.jobs(table, (one.identifier for one in higher)) if higher else {}
    for one in higher:
        job = found.get(one.identifier)
        if job is not None and job.state is JobState.PENDING:
            yield job
