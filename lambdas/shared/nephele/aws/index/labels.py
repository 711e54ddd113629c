"""The rows of labels: one for each label of each resource, written and removed with it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from nephele.aws.index import keys
from nephele.aws.index.table import Table
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId

_BEHIND_END = chr(ord(keys.END) + 1)
_FIRST_PAGE = 100


def iter_labels(table: Table, level: Level) -> Iterator[str]:
    """Yield the labels that resources of a level have: one read for each, however many have it."""
    after = ""
    while True:
        rows = table.iter_query(keys.labelled(level), after=after, limit=1, attributes="sk")
        first = next(iter(islice(rows, 1)), None)
        if first is None:
            return
        label = str(first["sk"]["S"]).partition(keys.END)[0]
        yield label
        after = label + _BEHIND_END


def iter_labelled(table: Table, level: Level, label: str) -> Iterator[OrthancId]:
    """Yield the resources of a level that have a label, ascending by id."""
    rows = table.iter_query(
        keys.labelled(level),
        prefix=label + keys.END,
        limit=_FIRST_PAGE,
        is_growing=True,
        attributes="sk",
    )
    return (OrthancId(row["sk"]["S"].partition(keys.END)[2]) for row in rows)
