"""Tombstones of instances that the index does not know any more, and deletions that have begun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.table import ConditionFailed, Table


def begin_burying(table: Table, name: str) -> None:
    """Remember that what an object of the journal tells of is being deleted."""
    table.put({**keys.burying(name), "r": codec.text(clock.now())})


def end_burying(table: Table, name: str) -> None:
    """Forget a deletion that has begun: the journal tells how it ended."""
    table.delete(keys.burying(name))


def end_burying_since(table: Table, name: str, begun: str) -> None:
    """Forget a deletion that began at a moment; one that goes on since then is left alone."""
    delete = {"TableName": table.name, "Key": keys.burying(name), **is_as_begun(begun)}
    with suppress(ConditionFailed):
        table.transact([{"Delete": delete}])  # type: ignore[typeddict-item]


def is_as_begun(begun: str) -> dict[str, Any]:
    """Return the condition that a deletion has not gone on since it was seen to have begun."""
    return {
        "ConditionExpression": "r = :begun",
        "ExpressionAttributeValues": {":begun": codec.text(begun)},
    }


def is_burying(table: Table, name: str) -> bool:
    """Tell whether what an object of the journal tells of is being deleted."""
    return table.get(keys.burying(name)) is not None


def iter_buryings(table: Table, older_seconds: float) -> Iterator[tuple[str, str]]:
    """Yield the objects of the journal whose deletions have not ended, and when they began.

    Only those that began so long ago.
    """
    for row in table.iter_query(keys.BURYING):
        if clock.age_seconds(row["r"]["S"]) >= older_seconds:
            yield row["sk"]["S"], row["r"]["S"]
