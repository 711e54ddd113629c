"""Tombstones of instances that the index does not know any more, and deletions that have begun."""

from __future__ import annotations

from collections.abc import Iterator

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.table import Table


def begin_burying(table: Table, name: str) -> None:
    """Remember that what an object of the journal tells of is being deleted."""
    table.put({**keys.burying(name), "r": codec.text(clock.now())})


def end_burying(table: Table, name: str) -> None:
    """Forget a deletion that has begun: the journal tells how it ended."""
    table.delete(keys.burying(name))


def is_burying(table: Table, name: str) -> bool:
    """Tell whether what an object of the journal tells of is being deleted."""
    return table.get(keys.burying(name)) is not None


def iter_buryings(table: Table, older_seconds: float) -> Iterator[str]:
    """Yield the objects of the journal whose deletions began so long ago, and have not ended."""
    for row in table.iter_query(keys.BURYING):
        if clock.age_seconds(row["r"]["S"]) >= older_seconds:
            yield row["sk"]["S"]
