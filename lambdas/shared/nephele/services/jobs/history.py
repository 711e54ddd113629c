"""The history: the last completed jobs, as many as `JobsHistorySize` says."""

from __future__ import annotations

from nephele.aws.index import jobs as rows
from nephele.domain.jobs import Job
from nephele.services.archive import Archive


def trim_history(archive: Archive, ended: Job) -> None:
    """Forget the oldest completed jobs, after one more has ended."""
    if ended.is_hidden:
        return
    table = archive.index.table
    completed = [one for one in rows.list_jobs(table) if one.completed]
    completed.sort(key=lambda one: one.completed, reverse=True)
    rows.forget(
        table, [one.identifier for one in completed[archive.configuration.jobs_history_size :]]
    )
