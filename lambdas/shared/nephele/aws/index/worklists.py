"""The rows of modality worklists: a partition of their own, small enough to be read whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.table import Row, Table

_EXPIRES = "expires"


@dataclass(frozen=True, slots=True)
class WorklistRow:
    """A worklist.

    Attributes
    ----------
    created : str
        UTC `YYYYMMDDTHHMMSS`.
    tags : dict
        Orthanc's short JSON.
    expires : int
        Epoch second after which it is gone; 0 for never.
    version : int
        Later ones are greater.
    """

    identifier: str
    created: str
    tags: dict[str, Any]
    expires: int = 0
    version: int = 0


def next_version(table: Table, identifier: str) -> int:
    """Return a version that is later than the one of a worklist that may be there."""
    row = table.get(keys.worklist(identifier)) or {}
    return max(codec.read_number(row, "n") + 1, clock.microseconds())


def put_worklist(table: Table, worklist: WorklistRow) -> None:
    """Keep a worklist, in place of an earlier one of the same identifier."""
    values = {
        ":c": codec.text(worklist.created),
        ":t": codec.document(worklist.tags),
        ":n": codec.number(worklist.version),
    }
    clauses = f"SET c = :c, t = :t, n = :n REMOVE {_EXPIRES}"
    if worklist.expires:
        clauses = f"SET c = :c, t = :t, n = :n, {_EXPIRES} = :e"
        values[":e"] = codec.number(worklist.expires)
    condition = "attribute_not_exists(n) OR n < :n"
    table.update(keys.worklist(worklist.identifier), clauses, condition, values)


def get_worklist(table: Table, identifier: str) -> WorklistRow | None:
    """Return a worklist, None if there is none."""
    row = table.get(keys.worklist(identifier))
    return None if row is None else _read(row)


def iter_worklists(table: Table) -> Iterator[WorklistRow]:
    """Yield all worklists, ascending by identifier."""
    return map(_read, table.iter_query(keys.WORKLISTS))


def delete_worklist(table: Table, identifier: str) -> None:
    """Remove a worklist; one that is absent is no error."""
    table.delete(keys.worklist(identifier))


def _read(row: Row) -> WorklistRow:
    return WorklistRow(
        identifier=row["sk"]["S"],
        created=codec.read_text(row, "c"),
        tags=codec.read_document(row, "t"),
        expires=codec.read_number(row, _EXPIRES),
        version=codec.read_number(row, "n"),
    )
