"""Events of a resource's life that happen once: each is a mark in its row and a logged change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import codec, items, keys
from nephele.aws.index.table import ConditionFailed, Table
from nephele.domain.resources import Change

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item


def mark_stable(table: Table, change: Change, received: str) -> bool:
    """Mark a resource stable unless something was received beneath it after `received`.

    Commits may land in another order than their times: the last one may have left an earlier time.
    Tell whether it was done.
    """
    condition = "c <= :c AND attribute_not_exists(s)"
    return _mark(table, change, "SET s = :one", condition, {":c": codec.text(received)})


def mark_complete(table: Table, change: Change) -> bool:
    """Mark a series complete, once; tell whether it was done."""
    condition = "attribute_exists(pk) AND attribute_not_exists(f)"
    return _mark(table, change, "SET f = :one", condition, {})


def _mark(
    table: Table, change: Change, expression: str, condition: str, values: dict[str, Any]
) -> bool:
    """Update the row and log the change, both or none; False where the condition does not hold."""
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
