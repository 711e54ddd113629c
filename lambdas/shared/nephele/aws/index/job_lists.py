"""The lists of jobs: one of all that are wanted there, one of those that go before others.

In the second are unfinished ones of a priority above 0; it is mostly empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, items, keys
from nephele.aws.index.table import Row, Table
from nephele.domain.jobs import Executor, Job, JobState


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the list of jobs; `completed` is "" for those that are not.

    `job_type` is "" for those completed by a version that did not list it.
    """

    identifier: str
    executor: Executor
    is_hidden: bool
    priority: int
    created: str
    completed: str
    job_type: str
    has_failed: bool


def list_unfinished(table: Table, job: Job) -> list[Any]:
    """Return the writes that list an unfinished job."""
    row = _row(job)
    urgent = row | keys.urgent_job(job.identifier)
    rows = [row, urgent] if job.priority > 0 else [row]
    return [items.put(table.name, one) for one in rows]


def _row(job: Job) -> Row:
    return {
        **keys.listed_job(job.identifier),
        "jt": codec.text(job.job_type),
        "je": codec.text(job.executor),
        "jp": codec.number(job.priority),
        "jc": codec.text(job.created),
        **({"jh": {"BOOL": True}} if job.is_hidden else {}),
    }


def list_ended(table: Table, job: Job, outcome: Row) -> list[Any]:
    """Return the writes that list a job as one that has ended; a hidden one leaves the list.

    Parameters
    ----------
    outcome : dict
        Members of its row: state, completion, expiry.
    """
    writes: list[Any] = [
        items.delete(table.name, keys.listed_job(job.identifier))
        if job.is_hidden
        else items.put(table.name, _row(job) | outcome)
    ]
    if job.priority > 0:
        writes.append(items.delete(table.name, keys.urgent_job(job.identifier)))
    return writes


def list_jobs(table: Table) -> list[Listed]:
    """Return the list of jobs in the order of ids, hidden ones that are not done included."""
    return _read_list(table, keys.JOBS)


def urgent_jobs(table: Table) -> list[Listed]:
    """Return unfinished jobs of a priority above 0, in the order of ids."""
    return _read_list(table, keys.URGENT_JOBS)


def _read_list(table: Table, partition: str) -> list[Listed]:
    now = clock.epoch_seconds()
    return [
        Listed(
            identifier=row["sk"]["S"],
            executor=Executor(row["je"]["S"]),
            is_hidden="jh" in row,
            priority=codec.read_number(row, "jp"),
            created=row["jc"]["S"],
            completed=row["jf"]["S"] if "jf" in row else "",
            job_type=row["jt"]["S"] if "jt" in row else "",
            has_failed="js" in row and row["js"]["S"] == JobState.FAILURE,
        )
        for row in table.iter_query(partition)
        if "expires" not in row or int(row["expires"]["N"]) > now
    ]
