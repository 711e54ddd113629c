"""Which of the jobs that wait is begun first: Orthanc's `Priority`, the highest one.

Queues deliver in the order of arrival, more or less. So a worker that is brought a job looks for
one of a higher priority that nobody has begun, begins that instead, and sends the message at hand
again. Whichever worker is brought the other's own message finds it begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nephele.aws.index import jobs as rows
from nephele.domain.jobs import Document, Job, JobState
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
    """Run one slice as `run_message`: of the job a message is about, or of one that goes before."""
    for first in _jobs_before(archive, str(message["job"])):
        own = rows.job(archive.index.table, str(message["job"]))
        if own is not None:
            enqueue(archive, own, turn=int(message["turn"]))
        try:
            run_message(
                archive,
                {"job": first.identifier, "turn": first.turn},
                kinds,
                has_time,
                keep_away,
            )
        except Held:
            continue  # another worker was faster
        return
    run_message(archive, message, kinds, has_time, keep_away)


def _jobs_before(archive: Archive, identifier: str) -> Iterator[Job]:
    """Yield pending jobs of the same executor that have a higher priority, the highest first."""
    listed = rows.list_jobs(archive.index.table)
    own = next((one for one in listed if one.identifier == identifier), None)
    if own is None:
        return
    higher = sorted(
        (
            one
            for one in listed
            if not one.completed and one.executor is own.executor and one.priority > own.priority
        ),
        key=lambda one: (-one.priority, one.created),
    )[:_MOST]
    found = rows.jobs(archive.index.table, (one.identifier for one in higher)) if higher else {}
    for one in higher:
        job = found.get(one.identifier)
        if job is not None and job.state is JobState.PENDING:
            yield job
