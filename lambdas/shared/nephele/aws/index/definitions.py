"""Named definitions that were changed over REST: modalities, peers. They win over the file's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.table import Row, Table
from nephele.aws.index.table_reads import Begun
from nephele.errors import Conflict

MODALITIES = "modalities"
PEERS = "peers"
WORKLISTS = "worklists"
"""In the journal alone: worklists have rows of their own in the table."""
_ATTEMPTS = 20


def put_definition(table: Table, kind: str, name: str, value: object) -> int:
    """Keep a definition; None keeps that there is none of this name. Return its version.

    Raises
    ------
    Conflict
        Other writers of the same definition kept winning.
    """
    for _ in range(_ATTEMPTS):
        row = table.get(keys.definition(kind, name)) or {}
        version = max(codec.read_number(row, "n") + 1, clock.microseconds())
        if put_version(table, kind, name, value, version):
            return version
    raise Conflict("others kept changing the same definition")


def put_version(table: Table, kind: str, name: str, value: object, version: int) -> bool:
    """Keep a version of a definition, unless this one or a later one is there."""
    values = {":c": codec.document({"value": value}), ":n": codec.number(version)}
    condition = "attribute_not_exists(n) OR n < :n"
    key = keys.definition(kind, name)
    return table.update(key, "SET c = :c, n = :n", condition, values) is not None


def begin_definitions(table: Table, kind: str) -> Begun:
    """Begin to read all that was changed; `definitions_of` decodes it."""
    return table.begin_query(keys.definitions(kind))


def definitions_of(rows: Iterable[Row]) -> dict[str, Any]:
    """Return all that was changed, by name; None stands for what was removed."""
    return {row["sk"]["S"]: codec.read_document(row, "c")["value"] for row in rows}


def read_definitions(table: Table, kind: str) -> dict[str, Any]:
    """Return all that was changed, as `definitions_of`."""
    return definitions_of(table.iter_query(keys.definitions(kind)))
