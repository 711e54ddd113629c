"""Working on jobs: one message, one lease, one slice.

A message names a job and a turn. A slice that ends with more to do sends the message of the next
turn before it gives its lease back, so a worker may die at any point: either the message that
brought it comes again, or the next one is there. Messages of earlier turns are stale, and nobody
works without the lease, so nothing runs twice at once.

A function that dies before it takes the lease leaves its message invisible for as long as the
queue says: an hour and a half, since that has to be longer than the function's timeout. So each
turn has a second message, the watch, which comes a minute later, and finds the turn taken, or done,
or else does it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from nephele import errors
from nephele.aws.index import job_leases as leases
from nephele.aws.index.jobs import Failure, Wanted
from nephele.aws.index.table import Table
from nephele.aws.queues import MAXIMUM_DELAY_SECONDS
from nephele.domain.jobs import Document, Executor, Job
from nephele.errors import BeingRestored, Conflict, JobCanceled, NepheleError, Unavailable
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.heartbeat import heartbeat
from nephele.services.jobs.history import trim_history
from nephele.services.jobs.kinds import Kinds
from nephele.services.jobs.patience import is_patient, try_again
from nephele.services.jobs.slices import Slice, Stopped
from nephele.settings.limits import HELD_MESSAGE_SECONDS, JOB_WATCH_SECONDS

Held = leases.Held
"""Raised where another worker has the job: the message shall come again after `seconds`."""

_QUEUES = {Executor.FUNCTIONS: "jobs", Executor.EDGE: "edge_jobs"}
_TRANSIENT = (Unavailable, Conflict)
_WATCH = "watch"

KeepAway = Callable[[int], object]
"""Keeps the message at hand away from other workers for some seconds."""


def run_message(
    archive: Archive,
    message: Document,
    kinds: Kinds,
    has_time: Callable[[], bool],
    keep_away: KeepAway = lambda _: None,
    when_taken: Callable[[], object] = lambda: None,
) -> None:
    """Run one slice of the job that a message is about.

    Parameters
    ----------
    message : dict
        What `enqueue` sent.
    keep_away : callable
        Is told now and then, by another thread, how many seconds longer the message is worked on.
    when_taken : callable
        Is called once the job is this worker's; not where there is nothing to do.

    Raises
    ------
    Held
        Another worker has the job: the message shall come again. A watch is sent again instead: it
        may see many workers, and becomes no dead letter by that.
    Unavailable, Conflict
        Likewise, after a while.
    """
    table = archive.index.table
    try:
        lease = leases.take(table, str(message["job"]), int(message["turn"]))
    except Held:
        if not is_watch(message):
            raise
        archive.queue(_QUEUES[Executor.FUNCTIONS]).send(message, JOB_WATCH_SECONDS)
        return
    if lease is None:
        return
    when_taken()
    if lease.is_inherited:
        _renumber(archive, lease)
    with _kept(table, lease, keep_away):
        _run_slice(archive, lease, kinds, has_time)


def is_watch(message: Document) -> bool:
    """Tell whether a message is the second one of its turn."""
    return _WATCH in message


def enqueue(
    archive: Archive,
    job: Job,
    *,
    turn: int | None = None,
    delay_seconds: int = 0,
    is_watched: bool = True,
) -> None:
    """Send the messages of a job's turn, by default the one it is in; the edge needs no watch."""
    message = {"job": job.identifier, "turn": job.turn if turn is None else turn}
    has_watch = is_watched and job.executor is Executor.FUNCTIONS
    if has_watch:  # which comes later, however long the turn waits
        delay_seconds = min(delay_seconds, MAXIMUM_DELAY_SECONDS - JOB_WATCH_SECONDS)
    messages: list[tuple[object, int]] = [(message, delay_seconds)]
    if has_watch:
        messages.append((message | {_WATCH: True}, delay_seconds + JOB_WATCH_SECONDS))
    archive.queue(_QUEUES[job.executor]).send_each(messages)


def _renumber(archive: Archive, lease: leases.Lease) -> None:
    """Give the message a successor: its own deliveries count the deaths since the last progress.

    So a long job may lose any number of workers, and one that kills each at the same step few.
    """
    enqueue(archive, lease.job, turn=lease.turn + 1, delay_seconds=leases.LEASE_SECONDS)
    if leases.renumber(archive.index.table, lease):
        lease.turn += 1


def _kept(table: Table, lease: leases.Lease, keep_away: KeepAway) -> AbstractContextManager[None]:
    """Keep message and lease while a slice runs."""

    def stay() -> None:
        keep_away(HELD_MESSAGE_SECONDS)

    def renew() -> None:
        leases.renew(table, lease)  # first: who loses it has to stop, a message may come early
        stay()

    return heartbeat(stay, renew)


def _run_slice(
    archive: Archive, lease: leases.Lease, kinds: Kinds, has_time: Callable[[], bool]
) -> None:
    piece = Slice(archive.index.table, lease, has_time)
    fields: dict[str, Any] = {"job": lease.job.identifier, "type": lease.job.job_type}
    try:
        if not lease.is_undisturbed:
            raise Stopped
        is_done = kinds(lease.job.job_type).run(archive, piece)
    except Stopped:
        _stop(archive, lease, piece)
    except _TRANSIENT as error:
        if is_patient(lease.job):
            try_again(piece, error)
            _go_on(archive, lease, piece, is_done=False)
            return
        logger.warning("job will be tried again", extra={**fields, "error": type(error).__name__})
        leases.give_back(archive.index.table, lease, str(error))
        raise
    except BeingRestored:
        logger.info("job waits for an object that is being restored", extra=fields)
        piece.wait(MAXIMUM_DELAY_SECONDS)
        _go_on(archive, lease, piece, is_done=False)
    except NepheleError as error:
        logger.info("job failed", extra={**fields, "error": type(error).__name__})
        _end(archive, lease, piece, failure_of(error))
    except Exception as error:  # noqa: BLE001  the outermost boundary of one slice
        logger.exception("job failed", extra=fields)
        _end(archive, lease, piece, Failure(NepheleError.__name__, type(error).__name__))
    else:
        _go_on(archive, lease, piece, is_done=is_done)


def failure_of(error: NepheleError) -> Failure:
    """Return what a job keeps of the error it failed with."""
    known = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return Failure(known.__name__, str(error), error.payload)


def _go_on(archive: Archive, lease: leases.Lease, piece: Slice, *, is_done: bool) -> None:
    if is_done:
        _end(archive, lease, piece, None)
        return
    enqueue(archive, lease.job, turn=lease.turn + 1, delay_seconds=piece.pause_seconds)
    if not leases.hand_on(archive.index.table, lease, piece.state()):
        _stop(archive, lease, piece)


def _stop(archive: Archive, lease: leases.Lease, piece: Slice) -> None:
    """Do what a client wants of the job; nothing where another worker has it."""
    wanted = leases.wanted(archive.index.table, lease)
    if wanted is Wanted.PAUSE:
        leases.pause(archive.index.table, lease, piece.state())
    elif wanted is Wanted.CANCEL:
        _end(archive, lease, piece, Failure(JobCanceled.__name__))


def _end(archive: Archive, lease: leases.Lease, piece: Slice, failure: Failure | None) -> None:
    if leases.end(archive.index.table, lease, piece.state(), failure):
        trim_history(archive, lease.job)
