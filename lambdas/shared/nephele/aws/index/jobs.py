"""The rows of jobs: one for each job, and one in a list of all that are wanted there.

Unfinished ones of a priority above 0 are in a second list, which is mostly empty.

What a worker writes is `nephele.aws.index.job_leases`'s; here is what everybody else does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, items, keys
from nephele.aws.index.job_codec import decimal, pack, read_job, write_job
from nephele.aws.index.table import ConditionFailed, Row, Table
from nephele.domain.jobs import Document, Executor, Job, JobState
from nephele.logs import logger

HIDDEN_SECONDS = 3600
"""How long the result of a job is kept that is not listed."""

_HISTORY_SECONDS = 28 * 86_400
UNFINISHED = "(js = :pending OR js = :running OR js = :retry)"
STATES = {
    ":pending": codec.text(JobState.PENDING),
    ":running": codec.text(JobState.RUNNING),
    ":retry": codec.text(JobState.RETRY),
}
"""What `UNFINISHED` compares with."""

FREE = "(attribute_not_exists(lo) OR le < :now)"


class Wanted(StrEnum):
    """What a client wants of a job that is being worked on."""

    PAUSE = "pause"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed: a class of `nephele.errors`, by its name."""

    error: str
    details: str = ""
    payload: Document | None = None


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


def put_job(table: Table, new: Job) -> Job:
    """Keep a new job and return it, or the one of the same id that is there already."""
    row = items.put(table.name, write_job(new), "attribute_not_exists(pk)")
    try:
        table.transact([row, *_list(table, new)])
    except ConditionFailed:
        logger.info("job is there already", extra={"job": new.identifier})
        return job(table, new.identifier) or new
    return new


def _list(table: Table, job: Job) -> list[Any]:
    """Return the writes that list an unfinished job."""
    row = _listed_row(job)
    urgent = row | keys.urgent_job(job.identifier)
    rows = [row, urgent] if job.priority > 0 else [row]
    return [items.put(table.name, one) for one in rows]


def _listed_row(job: Job) -> Row:
    return {
        **keys.listed_job(job.identifier),
        "jt": codec.text(job.job_type),
        "je": codec.text(job.executor),
        "jp": codec.number(job.priority),
        "jc": codec.text(job.created),
        **({"jh": {"BOOL": True}} if job.is_hidden else {}),
    }


def job(table: Table, identifier: str) -> Job | None:
    """Return a job, None if there is none."""
    row = table.get(keys.job(identifier))
    return None if row is None else read_job(row)


def jobs(table: Table, identifiers: Iterable[str]) -> dict[str, Job]:
    """Return jobs by their ids; those that are gone are left out."""
    rows = table.get_all(keys.job(identifier) for identifier in identifiers)
    found = [read_job(row) for row in rows]
    return {one.identifier: one for one in found}


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


def end_unattended(table: Table, identifier: str, failure: Failure) -> Job | None:
    """Let a job fail that nobody works on; None if somebody does, or it is over."""
    found = job(table, identifier)
    if found is None or found.state.is_final:
        return None
    expression, values = outcome_of("", {":now": decimal(clock.epoch_seconds())}, failure)
    values |= STATES | {":paused": codec.text(JobState.PAUSED)}
    condition = f"({UNFINISHED} OR js = :paused) AND {FREE}"
    return finish(table, found, f"SET {expression} REMOVE lo, le, lp, jw", condition, values)


def outcome_of(
    expression: str, values: dict[str, Any], failure: Failure | None
) -> tuple[str, dict[str, Any]]:
    """Return an update that sets a job's outcome besides, and its values."""
    outcome = {
        ":done": codec.text(clock.now()),
        ":state": codec.text(JobState.SUCCESS if failure is None else JobState.FAILURE),
        ":error": codec.text("" if failure is None else failure.error),
        ":details": codec.text("" if failure is None else failure.details),
        ":payload": pack(None if failure is None else failure.payload),
    }
    sets = "js = :state, jf = :done, ec = :error, ed = :details, ep = :payload, expires = :expires"
    return f"{expression}, {sets}" if expression else sets, values | outcome


def finish(
    table: Table, found: Job, expression: str, condition: str, values: dict[str, Any]
) -> Job | None:
    """Write the outcome into the job's row and its list."""
    kept = HIDDEN_SECONDS if found.is_hidden else _HISTORY_SECONDS
    values[":expires"] = codec.number(clock.expiry(kept))
    update: dict[str, Any] = {
        "TableName": table.name,
        "Key": keys.job(found.identifier),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }
    listed: Any = {"Delete": {"TableName": table.name, "Key": keys.listed_job(found.identifier)}}
    if not found.is_hidden:
        ended = {"js": values[":state"], "jf": values[":done"], "expires": values[":expires"]}
        listed = items.put(table.name, _listed_row(found) | ended)
    writes: list[Any] = [{"Update": update}, listed]
    if found.priority > 0:
        key = keys.urgent_job(found.identifier)
        writes.append({"Delete": {"TableName": table.name, "Key": key}})
    try:
        table.transact(writes)
    except ConditionFailed:
        return None
    return job(table, found.identifier)


def pause_unattended(table: Table, identifier: str) -> bool:
    """Let a job rest that nobody works on; tell whether it was so."""
    values = STATES | {
        ":now": decimal(clock.epoch_seconds()),
        ":paused": codec.text(JobState.PAUSED),
    }
    return (
        table.update(
            keys.job(identifier),
            "SET js = :paused REMOVE lo, le, lp, jw",
            f"{UNFINISHED} AND {FREE}",
            values,
        )
        is not None
    )


def want(table: Table, identifier: str, what: Wanted) -> bool:
    """Tell the worker of a job what a client wants; False where there is no worker."""
    values = {
        ":now": decimal(clock.epoch_seconds()),
        ":want": codec.text(what),
        ":cancel": codec.text(Wanted.CANCEL),
    }
    condition = (
        "attribute_exists(lo) AND le >= :now AND (attribute_not_exists(jw) OR jw <> :cancel)"
    )
    return table.update(keys.job(identifier), "SET jw = :want", condition, values) is not None


def wake(
    table: Table, identifier: str, state: JobState, renewed: Document | None = None
) -> Job | None:
    """Make a job pending that is in a state; None if it is not.

    A failed one begins anew, with the content it was submitted with but for what is `renewed`.
    """
    row = table.get(keys.job(identifier))
    if row is None or row["js"]["S"] != state:
        return None
    values: dict[str, Any] = {
        ":before": codec.text(state),
        ":pending": codec.text(JobState.PENDING),
        ":turn": codec.number(codec.read_number(row, "jn") + 1),
        ":last": row["jn"],
    }
    expression = "SET js = :pending, jn = :turn REMOVE lo, le, lp, jw"
    if state is JobState.FAILURE:
        values[":content"] = pack(renewed or {})
        expression = (
            "SET js = :pending, jn = :turn, jk = :content"
            " REMOVE lo, le, lp, jw, jf, jg, jo, jr, ec, ed, ep, ou, oq, expires"
        )
    update: dict[str, Any] = {
        "TableName": table.name,
        "Key": keys.job(identifier),
        "UpdateExpression": expression,
        "ConditionExpression": "js = :before AND jn = :last",
        "ExpressionAttributeValues": values,
    }
    writes: list[Any] = [{"Update": update}, *_list(table, read_job(row))]
    try:
        table.transact(writes)
    except ConditionFailed:
        return None
    return job(table, identifier)


def forget(table: Table, identifiers: Iterable[str]) -> None:
    """Take jobs off the list; whoever waits for one can still read it for a while."""
    for identifier in identifiers:
        table.update(
            keys.job(identifier),
            "SET jx = :true, expires = :expires",
            "attribute_exists(pk)",
            {":true": {"BOOL": True}, ":expires": codec.number(clock.expiry(HIDDEN_SECONDS))},
        )
        table.delete(keys.listed_job(identifier))


def drop_output(table: Table, identifier: str) -> None:
    """Forget that a job made an object."""
    table.update(
        keys.job(identifier), "SET ou = :none", "attribute_exists(pk)", {":none": codec.text("")}
    )
