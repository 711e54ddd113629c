"""Leases of jobs: who works on one, and what he saves.

A lease is a name and an end in the job's row, and every write of a worker asks for the name. It is
renewed while the worker lives, so a job whose worker died is free again after `LEASE_SECONDS`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.job_codec import (
    decimal,
    pack,
    pack_content,
    read_job,
    submitted_content,
)
from nephele.aws.index.jobs import FREE, STATES, UNFINISHED, Failure, Wanted, finish, outcome_of
from nephele.aws.index.table import Row, Table
from nephele.domain.jobs import Document, Job, JobState

LEASE_SECONDS = 15
"""How long a job waits for a worker that says nothing any more."""


class Held(Exception):
    """Another worker has the job; `seconds` is when its lease may be over."""

    def __init__(self, seconds: float) -> None:
        super().__init__("another worker has the job")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """What a checkpoint saves."""

    position: Document
    content: Document
    progress: float
    output: str = ""
    output_name: str = ""


@dataclass(slots=True)
class Lease:
    """The right to work on a job for a while.

    Attributes
    ----------
    is_undisturbed : bool
        The lease was not lost, and nobody wants the job to stop.
    is_inherited : bool
        It was taken over from a worker that died, after that had saved something.
    """

    job: Job
    submitted: Document
    owner: str
    turn: int
    is_undisturbed: bool = True
    is_inherited: bool = False
    began: float = field(default_factory=time.monotonic)

    def runtime_seconds(self) -> float:
        """Return how long was worked on the job, now included."""
        return self.job.runtime_seconds + time.monotonic() - self.began


def take(table: Table, identifier: str, turn: int) -> Lease | None:
    """Take the lease of a job for a turn; None where there is nothing to do any more.

    Raises
    ------
    Held
        Another worker has it.
    """
    before = table.get(keys.job(identifier))
    if before is None or not _is_due(before, turn):
        return None
    owner = clock.new_uuid()
    values = {
        **STATES,
        ":now": decimal(clock.epoch_seconds()),
        ":until": decimal(clock.epoch_seconds() + LEASE_SECONDS),
        ":me": codec.text(owner),
        ":turn": codec.number(turn),
    }
    row = table.update(
        keys.job(identifier),
        "SET lo = :me, le = :until, js = :running, jn = :turn REMOVE lp",
        f"{UNFINISHED} AND jn <= :turn AND {FREE}",
        values,
    )
    if row is None:
        _raise_if_held(table, identifier, turn)
        return None
    is_inherited = "lo" in before and "lp" in before
    wanted = "jw" in row
    return Lease(
        read_job(row),
        submitted_content(row),
        owner,
        turn,
        is_undisturbed=not wanted,
        is_inherited=is_inherited,
    )


def _is_due(row: Row, turn: int) -> bool:
    is_over = row["js"]["S"] in (JobState.SUCCESS, JobState.FAILURE, JobState.PAUSED)
    return not is_over and codec.read_number(row, "jn") <= turn


def _raise_if_held(table: Table, identifier: str, turn: int) -> None:
    row = table.get(keys.job(identifier))
    if row is not None and _is_due(row, turn):
        raise Held(max(0.0, _lease_seconds(row)))


def _lease_seconds(row: Row) -> float:
    """Return how long the lease in a row still holds, below 0 where it does not."""
    return float(row["le"]["N"]) - clock.epoch_seconds() if "le" in row else -1.0


def renew(table: Table, lease: Lease) -> None:
    """Say that the worker is alive, and learn whether it may go on."""
    values = {
        ":until": decimal(clock.epoch_seconds() + LEASE_SECONDS),
        ":me": codec.text(lease.owner),
    }
    row = table.update(keys.job(lease.job.identifier), "SET le = :until", "lo = :me", values)
    if row is None or "jw" in row:
        lease.is_undisturbed = False


def save(table: Table, lease: Lease, standing: Standing) -> bool:
    """Save where a job stands; tell whether the worker may go on."""
    expression, values = _standing(lease, standing)
    values[":until"] = decimal(clock.epoch_seconds() + LEASE_SECONDS)
    values[":true"] = {"BOOL": True}
    row = table.update(
        keys.job(lease.job.identifier),
        f"SET {expression}, le = :until, lp = :true",
        "lo = :me",
        values,
    )
    lease.is_undisturbed = row is not None and "jw" not in row
    return lease.is_undisturbed


def _standing(lease: Lease, standing: Standing) -> tuple[str, dict[str, Any]]:
    """Return what sets the standing in a row, and its values, the worker's name among them."""
    values: dict[str, Any] = {
        ":me": codec.text(lease.owner),
        ":runtime": decimal(lease.runtime_seconds()),
        ":progress": decimal(standing.progress),
        ":position": pack(standing.position),
        ":content": pack_content(standing.content, lease.submitted),
        ":output": codec.text(standing.output),
        ":name": codec.text(standing.output_name),
    }
    expression = (
        "jr = :runtime, jg = :progress, jo = :position, jk = :content, ou = :output, oq = :name"
    )
    return expression, values


def hand_on(table: Table, lease: Lease, standing: Standing) -> bool:
    """Give the lease back after a slice; False where the worker must not go on like this."""
    expression, values = _standing(lease, standing)
    values[":turn"] = codec.number(lease.turn + 1)
    row = table.update(
        keys.job(lease.job.identifier),
        f"SET {expression}, jn = :turn REMOVE lo, le, lp",
        "lo = :me AND attribute_not_exists(jw)",
        values,
    )
    return row is not None


def give_back(table: Table, lease: Lease, reason: str) -> None:
    """Give the lease back, so that the turn is tried again from what was saved."""
    values = {
        ":me": codec.text(lease.owner),
        ":retry": codec.text(JobState.RETRY),
        ":reason": codec.text(reason),
    }
    expression = "SET js = :retry, ed = :reason REMOVE lo, le, lp"
    table.update(keys.job(lease.job.identifier), expression, "lo = :me", values)


def renumber(table: Table, lease: Lease) -> bool:
    """Make a taken turn the next one: the messages of this one are stale from now on."""
    values = {":me": codec.text(lease.owner), ":turn": codec.number(lease.turn + 1)}
    row = table.update(keys.job(lease.job.identifier), "SET jn = :turn", "lo = :me", values)
    return row is not None


def skip(table: Table, identifier: str, turn: int) -> None:
    """Make a turn that nobody has taken the next one: the messages of this one are stale then."""
    values = {
        **STATES,
        ":now": decimal(clock.epoch_seconds()),
        ":turn": codec.number(turn),
        ":next": codec.number(turn + 1),
    }
    condition = f"{UNFINISHED} AND jn <= :turn AND {FREE}"
    table.update(keys.job(identifier), "SET jn = :next", condition, values)


def end(table: Table, lease: Lease, standing: Standing, failure: Failure | None) -> bool:
    """End a job for good; False where the lease was lost."""
    expression, values = _standing(lease, standing)
    if failure is None:
        values[":progress"] = decimal(1.0)
    expression, outcome = outcome_of(expression, values, failure)
    return finish(table, lease.job, f"SET {expression} REMOVE lo, le, lp, jw", "lo = :me", outcome)


def wanted(table: Table, lease: Lease) -> Wanted | None:
    """Return why a worker shall stop, None where it just lost its lease."""
    row = table.get(keys.job(lease.job.identifier))
    if row is None or row.get("lo", {}).get("S") != lease.owner or "jw" not in row:
        return None
    return Wanted(row["jw"]["S"])


def pause(table: Table, lease: Lease, standing: Standing) -> None:
    """Let a job rest where it stands."""
    expression, values = _standing(lease, standing)
    values[":state"] = codec.text(JobState.PAUSED)
    table.update(
        keys.job(lease.job.identifier),
        f"SET {expression}, js = :state REMOVE lo, le, lp, jw",
        "lo = :me",
        values,
    )
