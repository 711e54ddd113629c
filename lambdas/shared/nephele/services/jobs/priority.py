"""Which of the jobs that wait is begun first: Orthanc's `Priority`, the highest one.

Queues deliver in the order of arrival, more or less. So a worker that is brought a job looks for
one of a higher priority that nobody has begun, begins that instead, and sends the message at hand
again. Whichever worker is brought the other's own message finds it begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nephele.aws.index import jobs as rows
from nephele.domain.jobs import Document, Job, JobState
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.engine import Held, KeepAway, enqueue, run_message
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
    """
    own = rows.job(archive.index.table, str(message["job"]))
    is_sent_again = False
    for first in () if own is None else _jobs_before(archive, own):
        if own is not None and not is_sent_again:
            enqueue(archive, own, turn=int(message["turn"]))
            is_sent_again = True
        other = {"job": first.identifier, "turn": first.turn}
        try:
            run_message(archive, other, kinds, has_time, keep_away)
        except Held:
            continue  # another worker was faster
        except NepheleError as error:
            facts = {"job": first.identifier, "error": type(error).__name__}
            logger.warning("slice of a job of higher priority failed", extra=facts)
        return
    run_message(archive, message, kinds, has_time, keep_away)


def _jobs_before(archive: Archive, own: Job) -> Iterator[Job]:
    """Yield pending jobs of the same executor that have a higher priority, the highest first.

    All jobs are listed for one below the usual priority alone.
    """
    table = archive.index.table
    listed = rows.urgent_jobs(table) if own.priority >= 0 else rows.list_jobs(table)
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
