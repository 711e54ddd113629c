"""The history: the last completed jobs, as many as `JobsHistorySize` says."""

from __future__ import annotations

from nephele.aws.index import jobs as rows
from nephele.domain.jobs import Job, JobState
from nephele.services.archive import Archive
from nephele.services.jobs.kinds import KINDS


def trim_history(archive: Archive, ended: Job) -> None:
    """Forget the oldest completed jobs, after one more has ended.

    What a patient job has failed with stays listed for 28 days: nobody waits for its answer.
    """
    if ended.is_hidden:
        return
    table = archive.index.table
    completed = [one for one in rows.list_jobs(table) if one.completed]
    completed.sort(key=lambda one: one.completed, reverse=True)
    old = [one.identifier for one in completed[archive.configuration.jobs_history_size :]]
    if old:
        found = rows.jobs(table, old)
        rows.forget(table, [one for one in old if one not in found or not _is_told(found[one])])


def _is_told(job: Job) -> bool:
    return job.state is JobState.FAILURE and KINDS[job.job_type].is_patient
