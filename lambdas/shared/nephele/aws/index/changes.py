"""The change log: gapless numbers in commit order, without one hot counter.

A commit leaves its changes in a pending row. Whoever comes first, the stream's consumer or a
reader of the log, moves pending rows into numbered blocks, under a compare-and-set of the head.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nephele.aws.index import codec, items, keys
from nephele.aws.index.table import ConditionFailed, Row, Table
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change, ChangeType, NumberedChange

CHANGES_PER_BLOCK = 100
_ROWS_PER_ROUND = 90
"""Pending rows of one round: with head and block below the 100 items of a transaction."""

_CLEARED_AT_ONCE = 10_000
"""Blocks one call removes at most: some 400 requests."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The parents beneath which the commits of one block put something.

    Attributes
    ----------
    position : str
        Where a walk goes on behind this block.
    newest : str
        When the last of these commits was made, as `clock.now` writes it; `""` if there was none.
    """

    position: str
    newest: str
    resources: tuple[tuple[Level, OrthancId], ...]


def number_pending(table: Table) -> None:
    """Give numbers to all changes that are pending now.

    Any number of callers may do so at once: each round is won by one of them.
    """
    rows = _first_pending(table)
    horizon = _horizon(table, rows)
    while rows and _sort_key(rows[0]) <= horizon:
        try:
            taken = _number(table, rows)
        except ConditionFailed:
            taken = 0  # another caller won this round
        if taken == len(rows) < _ROWS_PER_ROUND:
            return  # none was left unread
        rows = _first_pending(table)


def _horizon(table: Table, rows: list[Row]) -> str:
    """Return the newest row that is pending now: later ones are somebody else's work."""
    if len(rows) < _ROWS_PER_ROUND:
        return max((_sort_key(row) for row in rows), default="")
    return max(_iter_newest_pending(table), default="")


def _sort_key(row: Row) -> str:
    return str(row["sk"]["S"])


def _iter_newest_pending(table: Table) -> Iterator[str]:
    for shard in range(keys.PENDING_SHARDS):
        rows = table.iter_query(f"{keys.PENDING}{shard}", descending=True, limit=1, attributes="sk")
        yield from (_sort_key(row) for row in islice(rows, 1))


def _first_pending(table: Table) -> list[Row]:
    """Return the pending rows of one round, in the order of their commits."""
    shards = (
        table.iter_query(f"{keys.PENDING}{shard}", limit=_ROWS_PER_ROUND)
        for shard in range(keys.PENDING_SHARDS)
    )
    return list(islice(heapq.merge(*shards, key=_sort_key), _ROWS_PER_ROUND))


def _number(table: Table, rows: list[Row]) -> int:
    """Move the first rows into one block, and return how many; ConditionFailed if another did."""
    taken: list[Row] = []
    changes: list[list[str]] = []
    for row in rows:
        more = codec.read_document(row, "c")
        if taken and len(changes) + len(more) > CHANGES_PER_BLOCK:
            break
        taken.append(row)
        changes += more
    if not changes:
        table.delete_all([keys.key(row["pk"]["S"], row["sk"]["S"]) for row in taken])
        return len(taken)
    last = last_sequence(table)
    block: Row = {**keys.block(last + 1), "c": codec.document(changes), **_touched_by(taken)}
    head = _advance_head(table.name, last, last + len(changes))
    removals = [_consume(table.name, row) for row in taken]
    table.transact([head, items.put(table.name, block), *removals])
    return len(taken)


def _touched_by(rows: list[Row]) -> Row:
    """Return what a block keeps of its commits: each parent once, and the newest commit's time."""
    touching = [(row["u"]["S"], codec.read_document(row, "w")) for row in rows]
    parents = dict.fromkeys(tuple(parent) for _, parents in touching for parent in parents)
    if not parents:
        return {}
    newest = max(when for when, found in touching if found)
    return {"w": codec.document(list(parents)), "u": codec.text(newest)}


def _advance_head(table: str, last: int, new: int) -> Any:
    update: dict[str, Any] = {
        "TableName": table,
        "Key": keys.head(),
        "UpdateExpression": "SET n = :new",
        "ConditionExpression": "n = :last" if last else "attribute_not_exists(pk)",
        "ExpressionAttributeValues": {":new": codec.number(new)}
        | ({":last": codec.number(last)} if last else {}),
    }
    return {"Update": update}


def _consume(table: str, row: Row) -> Any:
    delete = {
        "TableName": table,
        "Key": keys.key(row["pk"]["S"], row["sk"]["S"]),
        "ConditionExpression": "attribute_exists(pk)",
    }
    return {"Delete": delete}


def last_sequence(table: Table) -> int:
    """Return the last number given, 0 before the first."""
    return bounds(table)[0]


def bounds(table: Table) -> tuple[int, int]:
    """Return the last number given, and the last one that was cleared; 0 where there is none."""
    row = table.get(keys.head()) or {}
    return codec.read_number(row, "n"), codec.read_number(row, "f")


def go_on_behind(table: Table, known: int, skipped: int) -> None:
    """Let numbers go on behind those that were given, where the table does not know of them.

    Parameters
    ----------
    known : int
        A number that was given; up to `skipped` more may have been.
    """
    values = {":known": codec.number(known), ":n": codec.number(known + skipped)}
    if known:
        condition = "attribute_not_exists(n) OR n < :known"
        table.update(keys.head(), "SET n = :n", condition, values)


def clear(table: Table, last: int) -> None:
    """Clear the log up to a number: at once for readers; numbers go on behind it.

    Blocks are removed as far as one call comes, the oldest first. What it leaves nobody reads, and
    the next call goes on with it.
    """
    values = {":f": codec.number(last)}
    table.update_if(keys.head(), "SET f = :f", "attribute_not_exists(f) OR f < :f", values)
    rows = table.iter_query(keys.CHANGES, up_to=_bound(last), attributes="pk, sk")
    blocks = [keys.key(row["pk"]["S"], row["sk"]["S"]) for row in islice(rows, _CLEARED_AT_ONCE)]
    table.delete_all(blocks)


def iter_forward(table: Table, since: int) -> Iterator[NumberedChange]:
    """Yield changes numbered above `since`, ascending."""
    holding = list(
        islice(
            table.iter_query(keys.CHANGES, up_to=_bound(since + 1), descending=True, limit=1),
            1,
        )
    )
    for row in holding:
        yield from (change for change in read_block(row) if change.sequence > since)
    for row in table.iter_query(keys.CHANGES, after=_bound(since + 1), limit=20):
        yield from read_block(row)


def iter_backward(table: Table, to: int) -> Iterator[NumberedChange]:
    """Yield changes numbered up to `to`, descending."""
    rows = table.iter_query(keys.CHANGES, up_to=_bound(to), descending=True, limit=20)
    for row in rows:
        changes = [change for change in read_block(row) if change.sequence <= to]
        yield from reversed(changes)


def iter_touched(table: Table, position: str) -> Iterator[Touched]:
    """Yield what each block's commits touched, from behind a position (`""`: the beginning)."""
    for row in table.iter_query(keys.CHANGES, after=position, limit=100, attributes="sk, w, u"):
        if _sort_key(row) == keys.HEAD:
            return
        parents = ((Level(level), OrthancId(i)) for level, i in codec.read_document(row, "w"))
        yield Touched(_sort_key(row), codec.read_text(row, "u"), tuple(parents))


def _bound(sequence: int) -> str:
    return keys.block(sequence)["sk"]["S"]


def read_block(row: Row) -> list[NumberedChange]:
    """Return the changes of a row of the log, in their order; its head has none."""
    if _sort_key(row) == keys.HEAD:
        return []
    first = int(_sort_key(row))
    return [
        NumberedChange(first + n, Change(ChangeType(kind), Level(level), OrthancId(i), date))
        for n, (kind, level, i, date) in enumerate(codec.read_document(row, "c"))
    ]
