"""The rows of jobs.

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
from nephele.aws.index.job_lists import list_ended, list_unfinished
from nephele.aws.index.table import ConditionFailed, Table
from nephele.domain.jobs import Document, Job, JobState
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


def put_job(table: Table, new: Job) -> Job:
    """Keep a new job and return it, or the one of the same id that is there already."""
    row = items.put(table.name, write_job(new), "attribute_not_exists(pk)")
    try:
        table.transact([row, *list_unfinished(table, new)])
    except ConditionFailed:
        logger.info("job is there already", extra={"job": new.identifier})
        return job(table, new.identifier) or new
    return new


def job(table: Table, identifier: str) -> Job | None:
    """Return a job, None if there is none."""
    row = table.get(keys.job(identifier))
    return None if row is None else read_job(row)


def jobs(table: Table, identifiers: Iterable[str]) -> dict[str, Job]:
    """Return jobs by their ids; those that are gone are left out."""
    rows = table.get_all(keys.job(identifier) for identifier in identifiers)
    found = [read_job(row) for row in rows]
    return {one.identifier: one for one in found}


def end_unattended(table: Table, identifier: str, failure: Failure) -> bool:
    """Let a job fail that nobody works on; False if somebody does, or it is over."""
    found = job(table, identifier)
    if found is None or found.state.is_final:
        return False
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
) -> bool:
    """Write the outcome into the job's row and its list; False if the condition does not hold."""
    kept = HIDDEN_SECONDS if found.is_hidden else _HISTORY_SECONDS
    values[":expires"] = codec.number(clock.expiry(kept))
    update: dict[str, Any] = {
        "TableName": table.name,
        "Key": keys.job(found.identifier),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }
    outcome = {"js": values[":state"], "jf": values[":done"], "expires": values[":expires"]}
    writes: list[Any] = [{"Update": update}, *list_ended(table, found, outcome)]
    try:
        table.transact(writes)
    except ConditionFailed:
        return False
    return True


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
    writes: list[Any] = [{"Update": update}, *list_unfinished(table, read_job(row))]
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
