"""Submitting jobs, and waiting for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from nephele import errors
from nephele.aws import clock
from nephele.aws.index import jobs as rows
from nephele.aws.index.job_codec import is_storable
from nephele.aws.index.job_leases import LEASE_SECONDS
from nephele.domain.jobs import Document, Executor, Job, JobState
from nephele.errors import AnswerTooLarge, NepheleError, UnknownResource
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.engine import Held, enqueue, run_message
from nephele.services.jobs.kinds import KINDS, load_kind

WAIT_SECONDS = 25.0
"""How long a call waits for its job, so that it answers before API Gateway gives up."""

_SLICE_SECONDS = 18.0
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How a client wants a job to be done: Orthanc's fields of the same names."""

    synchronous: bool = True
    priority: int = 0
    permissive: bool = False
    user_data: Any = None


_DEFAULT = JobOptions()


def submit(
    archive: Archive,
    job_type: str,
    request: Document,
    options: JobOptions = _DEFAULT,
    content: Document | None = None,
    executor: Executor | None = None,
    identifier: str = "",
) -> Job:
    """Submit a job and return it; `run_or_wait` is for those who want its result now.

    Parameters
    ----------
    request : dict
        What the kind needs to know; it never changes.
    content : dict, optional
        Orthanc's `Content` as it is before the first step; members stay, whatever is added later.
    executor : Executor, optional
        Who works on it, for kinds that both can; the kind's own by default.
    identifier : str, optional
        A UUID that follows from what caused the job, so that it is there once however often it is
        submitted; a random one by default.
    """
    kind = KINDS[job_type]
    job = Job(
        identifier=identifier or clock.new_uuid(),
        job_type=job_type,
        executor=executor or kind.executor,
        priority=options.priority,
        is_permissive=options.permissive,
        is_hidden=kind.is_hidden,
        user_data=options.user_data,
        created=clock.now(),
        request=request,
        content=content or {},
    )
    if not is_storable(job):
        raise AnswerTooLarge("The request names too many resources for one job: name their parents")
    job = rows.put_job(archive.index.table, job)
    runs_here = options.synchronous and _runs_here(job)
    delay_seconds = LEASE_SECONDS + 10 if runs_here else 0
    enqueue(archive, job, delay_seconds=delay_seconds, is_watched=not runs_here)
    return job


def run_or_wait(archive: Archive, job: Job, seconds: float = WAIT_SECONDS) -> Job:
    """Run the job's first slice here where such jobs are inline, then wait for its end.

    Returns
    -------
    Job
        The job as it is now: finished, or still under way after some 25 seconds.

    Raises
    ------
    NepheleError
        The job failed: the very class it failed with, with its details and payload.
    """
    end = time.monotonic() + seconds
    if _runs_here(job) and job.state is JobState.PENDING:
        _run_here(archive, job, time.monotonic() + min(seconds, _SLICE_SECONDS))
    return wait_for(archive, job.identifier, end - time.monotonic())


def _runs_here(job: Job) -> bool:
    return job.executor is Executor.FUNCTIONS and KINDS[job.job_type].is_inline


def _run_here(archive: Archive, job: Job, end: float) -> None:
    """Run a slice within this call; whatever disturbs it, the queue goes on with the job."""
    message = {"job": job.identifier, "turn": job.turn}
    try:
        run_message(archive, message, load_kind, lambda: time.monotonic() < end)
    except (NepheleError, Held) as error:
        logger.info("job goes on elsewhere", extra={"error": type(error).__name__})
        enqueue(archive, job)


def wait_for(archive: Archive, identifier: str, seconds: float = WAIT_SECONDS) -> Job:
    """Wait until a job has ended, for some seconds, and return it as it is then.

    Raises
    ------
    UnknownResource
        There is no such job.
    NepheleError
        It failed: see `run_or_wait`.
    """
    end, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    while True:
        job = rows.job(archive.index.table, identifier)
        if job is None:
            raise UnknownResource("There is no such job")
        if job.state is JobState.FAILURE:
            raise error_of(job)
        if job.state.is_final or time.monotonic() + pause > end:
            return job
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE_SECONDS, pause * _GROWTH)


def error_of(job: Job) -> NepheleError:
    """Return the error a job failed with, as it was raised there."""
    kind: type[NepheleError] = getattr(errors, job.error, NepheleError)
    error = kind(job.error_details)
    error.payload = job.error_payload
    return error
