"""What clients do to jobs: list, read, pause, resume, cancel, submit again, delete."""

from __future__ import annotations

from collections.abc import Callable

from nephele.aws.index import job_lists
from nephele.aws.index import jobs as rows
from nephele.domain.jobs import Document, Job, JobState
from nephele.domain.uids import new_transaction_uid
from nephele.errors import BadSequenceOfCalls, InexistentItem, JobCanceled, UnknownResource
from nephele.services.archive import Archive
from nephele.services.jobs.engine import enqueue
from nephele.services.jobs.history import trim_history
from nephele.services.jobs.kinds import KINDS

ARCHIVE = "archive"
"""Orthanc's only key of an output."""
_TRANSACTION = "StorageCommitmentTransactionUID"
"""Of a job that asks for a commitment; one that begins anew asks for another."""


def list_jobs(archive: Archive) -> list[str]:
    """Return the ids of all jobs but hidden ones, ascending."""
    return [one.identifier for one in job_lists.list_jobs(archive.index.table) if not one.is_hidden]


def expand_jobs(archive: Archive) -> list[Job]:
    """Return all jobs but hidden ones, in the order of ids."""
    identifiers = list_jobs(archive)
    found = rows.jobs(archive.index.table, identifiers)
    return [found[identifier] for identifier in identifiers if identifier in found]


def get_job(archive: Archive, identifier: str) -> Job:
    """Return a job, be it hidden.

    Raises
    ------
    UnknownResource
        There is none, or it fell out of the history.
    """
    found = rows.job(archive.index.table, identifier)
    if found is None or found.is_forgotten:
        raise UnknownResource("There is no such job")
    return found


def pause(archive: Archive, identifier: str) -> None:
    """Let a job rest: now, or after its current step; one that is over stays so.

    Raises
    ------
    UnknownResource
        There is no such job.
    """
    table = archive.index.table

    def try_once(job: Job) -> bool:
        if job.state.is_final or job.state is JobState.PAUSED:
            return True
        return rows.pause_unattended(table, identifier) or rows.want(
            table, identifier, rows.Wanted.PAUSE
        )

    _until_done(archive, identifier, try_once)


def cancel(archive: Archive, identifier: str) -> None:
    """Let a job fail: now, or after its current step; one that is over stays so.

    Raises
    ------
    UnknownResource
        There is no such job.
    """
    table = archive.index.table

    def try_once(job: Job) -> bool:
        if job.state.is_final or rows.want(table, identifier, rows.Wanted.CANCEL):
            return True
        is_ended = rows.end_unattended(table, identifier, rows.Failure(JobCanceled.__name__))
        if is_ended:
            trim_history(archive, job)
        return is_ended

    _until_done(archive, identifier, try_once)


def _until_done(archive: Archive, identifier: str, try_once: Callable[[Job], bool]) -> None:
    """Try what depends on whether somebody works on a job, which may change in between."""
    for _ in range(10):
        if try_once(get_job(archive, identifier)):
            return
    raise BadSequenceOfCalls("The job keeps changing")


def resume(archive: Archive, identifier: str) -> bool:
    """Let a paused job go on; tell whether it was paused.

    Raises
    ------
    UnknownResource
        There is no such job.
    """
    get_job(archive, identifier)
    return _wake(archive, identifier, JobState.PAUSED)


def resubmit(archive: Archive, identifier: str) -> bool:
    """Let a failed job begin anew, under the same id; tell whether it had failed.

    A storage commitment it asks for is another transaction then.

    Raises
    ------
    UnknownResource
        There is no such job.
    BadSequenceOfCalls
        Jobs of its kind are done once.
    """
    job = get_job(archive, identifier)
    if job.state is JobState.FAILURE and not KINDS[job.job_type].can_resubmit:
        raise BadSequenceOfCalls("This job cannot be submitted again")
    renewed = {_TRANSACTION: new_transaction_uid()} if _TRANSACTION in job.content else None
    return _wake(archive, identifier, JobState.FAILURE, renewed)


def _wake(
    archive: Archive, identifier: str, state: JobState, renewed: Document | None = None
) -> bool:
    job = rows.wake(archive.index.table, identifier, state, renewed)
    if job is not None:
        enqueue(archive, job)
    return job is not None


def delete_job(archive: Archive, identifier: str) -> None:
    """Remove a completed job and what it made.

    Raises
    ------
    InexistentItem
        There is no such job, or it is not over.
    """
    job = _completed(archive, identifier)
    if job.output:
        archive.bucket.delete(job.output)
    rows.forget(archive.index.table, [identifier])


def output(archive: Archive, identifier: str, key: str) -> Job:
    """Return a job that has an output under a key.

    Raises
    ------
    InexistentItem
        There is no such job, it has not succeeded, or has no such output.
    """
    job = _completed(archive, identifier)
    if key != ARCHIVE or job.state is not JobState.SUCCESS or not job.output:
        raise InexistentItem("The job has no such output")
    return job


def delete_output(archive: Archive, identifier: str, key: str) -> None:
    """Remove what a job made; InexistentItem where `output` raises it."""
    job = output(archive, identifier, key)
    archive.bucket.delete(job.output)
    rows.drop_output(archive.index.table, identifier)


def _completed(archive: Archive, identifier: str) -> Job:
    try:
        job = get_job(archive, identifier)
    except UnknownResource as exc:
        raise InexistentItem("There is no such job") from exc
    if not job.state.is_final:
        raise InexistentItem("The job is not over")
    return job
