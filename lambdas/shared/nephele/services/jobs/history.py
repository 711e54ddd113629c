"""The history: the last completed jobs, as many as `JobsHistorySize` says."""

from __future__ import annotations

from nephele.aws.index import job_lists
from nephele.aws.index import jobs as rows
from nephele.domain.jobs import Job
from nephele.services.archive import Archive
from nephele.services.jobs.kinds import KINDS


def trim_history(archive: Archive, ended: Job) -> None:
    """Forget the oldest completed jobs, after one more has ended.

    What a patient job has failed with stays listed for 28 days: nobody waits for its answer.
    """
    if ended.is_hidden:
        return
    table = archive.index.table
    completed = [one for one in job_lists.list_jobs(table) if one.completed]
    completed.sort(key=lambda one: one.completed, reverse=True)
    old = completed[archive.configuration.jobs_history_size :]
    rows.forget(table, [one.identifier for one in old if not _is_told(one)])


def _is_told(listed: job_lists.Listed) -> bool:
    kind = KINDS.get(listed.job_type)
    return listed.has_failed and kind is not None and kind.is_patient
