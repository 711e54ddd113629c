"""The rows of modality worklists: a partition of their own, small enough to be read whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    """

    identifier: str
    created: str
    tags: dict[str, Any]
    expires: int = 0


def put_worklist(table: Table, worklist: WorklistRow) -> None:
    """Keep a worklist, in place of one of the same identifier."""
    row: Row = {
        **keys.worklist(worklist.identifier),
        "c": codec.text(worklist.created),
        "t": codec.document(worklist.tags),
    }
    if worklist.expires:
        row[_EXPIRES] = codec.number(worklist.expires)
    table.put(row)


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
        expires=codec.read_number(row, _EXPIRES) if _EXPIRES in row else 0,
    )
