"""Events of a resource's life that happen once: each is a mark in its row and a logged change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import codec, items, keys
from nephele.aws.index.table import ConditionFailed, Table
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item


Mark = tuple[str, str]
"""How a row is marked, and the condition for it."""
STABLE: Mark = ("SET s = :one", "c <= :c AND attribute_not_exists(s)")
COMPLETE: Mark = ("SET f = :one", "attribute_exists(pk) AND attribute_not_exists(f)")


def mark_stable(table: Table, change: Change, received: str) -> bool:
    """Mark a resource stable unless something was received beneath it after `received`.

    Commits may land in another order than their times: the last one may have left an earlier time.
    Tell whether it was done.
    """
    return _mark(table, change, STABLE, {":c": codec.text(received)})


def mark_complete(table: Table, change: Change) -> bool:
    """Mark a series complete, once; tell whether it was done."""
    return _mark(table, change, COMPLETE, {})


def put_mark(table: Table, orthanc_id: OrthancId, mark: Mark, received: str = "") -> bool:
    """Mark a resource and log nothing; tell whether it was done."""
    values = {":one": codec.number(1)} | ({":c": codec.text(received)} if mark is STABLE else {})
    return table.update(keys.resource(orthanc_id), *mark, values) is not None


def _mark(table: Table, change: Change, mark: Mark, values: dict[str, Any]) -> bool:
    """Update the row and log the change, both or none; False where the condition does not hold."""
    expression, condition = mark
    update: dict[str, Any] = {
        "TableName": table.name,
        "Key": keys.resource(change.orthanc_id),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {":one": codec.number(1), **values},
    }
    item: Item = {"Update": update}  # type: ignore[typeddict-item]
    outbox = items.pending(table.name, clock.now(), clock.new_uuid(), [change], [])
    try:
        table.transact([item, outbox])
    except ConditionFailed:
        return False
    return True
