"""Jobs that nobody works on any more: given up by the queue, or without a message."""

from __future__ import annotations

from typing import Any

import orjson

from nephele.aws import clock
from nephele.aws.index import job_lists
from nephele.aws.index import jobs as rows
from nephele.domain.jobs import JobState
from nephele.errors import NepheleError
from nephele.services.archive import Archive
from nephele.services.jobs.engine import enqueue
from nephele.services.jobs.history import trim_history
from nephele.services.jobs.patience import is_patient

_KILLED = "Its worker was killed, ran out of time or could not start, several times"
_FORGOTTEN_SECONDS = 900
"""A job that is pending for so long may have lost its message: another one does no harm."""


def is_given_up(archive: Archive, body: str) -> bool:
    """Let the job of a dead letter fail; tell whether the letter was about a job at all.

    Nothing happens to a job that went on by another message meanwhile, nor to a patient one, whose
    next message `remind` sends.
    """
    try:
        message: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(message, dict) or "job" not in message:
        return False
    table, identifier = archive.index.table, str(message["job"])
    found = rows.job(table, identifier)
    if found is None or found.turn > int(message["turn"]):
        return True
    if not is_patient(found):
        failure = rows.Failure(NepheleError.__name__, found.error_details or _KILLED)
        if rows.end_unattended(table, identifier, failure):
            trim_history(archive, found)
    return True


def remind(archive: Archive) -> int:
    """Send messages of unfinished jobs again that may have none; return how many."""
    waiting = [
        one.identifier
        for one in job_lists.list_jobs(archive.index.table)
        if not one.completed and clock.age_seconds(one.created) > _FORGOTTEN_SECONDS
    ]
    reminded = 0
    for job in rows.jobs(archive.index.table, waiting).values():
        if not job.state.is_final and job.state is not JobState.PAUSED:
            enqueue(archive, job)
            reminded += 1
    return reminded
