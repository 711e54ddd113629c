"""The log of resources that were sent away: numbered rows, written one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nephele.aws.index import codec, items, keys
from nephele.aws.index.table import Row, Table, retry_when_changed

Export = dict[str, str]
"""Orthanc's members of one export, but for its number."""


def put_export(table: Table, export: Export) -> int:
    """Log an export and return its number, the next one after the last."""
    return retry_when_changed(lambda: _try_put(table, export))


def _try_put(table: Table, export: Export) -> int:
    last = last_export(table)
    row: Row = {**keys.export(last + 1), "c": codec.document(export)}
    update: dict[str, Any] = {
        "TableName": table.name,
        "Key": keys.exports_head(),
        "UpdateExpression": "SET n = :new",
        "ConditionExpression": "n = :last" if last else "attribute_not_exists(pk)",
        "ExpressionAttributeValues": {":new": codec.number(last + 1)}
        | ({":last": codec.number(last)} if last else {}),
    }
    table.transact([items.put(table.name, row), {"Update": update}])  # type: ignore[typeddict-item]
    return last + 1


def last_export(table: Table) -> int:
    """Return the last number given, 0 before the first."""
    row = table.get(keys.exports_head())
    return 0 if row is None else codec.read_number(row, "n")


def iter_exports(table: Table, since: int) -> Iterator[tuple[int, Export]]:
    """Yield exports numbered above `since`, ascending."""
    for row in table.iter_query(keys.EXPORTS, after=keys.export(since)["sk"]["S"], limit=100):
        if row["sk"]["S"] != keys.HEAD:
            yield int(row["sk"]["S"]), codec.read_document(row, "c")


def clear_exports(table: Table) -> None:
    """Empty the log; numbers go on where they were."""
    last = keys.export(last_export(table))["sk"]["S"]
    rows = table.iter_query(keys.EXPORTS, up_to=last, attributes="pk, sk")
    table.delete_all([keys.key(row["pk"]["S"], row["sk"]["S"]) for row in rows])


def put_numbered(table: Table, number: int, export: Export) -> None:
    """Write an export under the number it had."""
    table.put({**keys.export(number), "c": codec.document(export)})


def set_last(table: Table, last: int) -> None:
    """Let numbers go on behind the last one that was given."""
    values = {":n": codec.number(last)}
    table.update_if(keys.exports_head(), "SET n = :n", "attribute_not_exists(n) OR n < :n", values)
