"""Letting another object hold the same file of an instance: compressed, or not any more.

The new object's reception counts as ended until it takes the place of the old one, so that the
event of its writing does nothing, and what is left of a try that failed is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import Index, codec, items, keys
from nephele.aws.index.table import Row, retry_when_changed
from nephele.domain.resources import Resource, StoredFile, Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item


def announce_object(index: Index, instance: Resource, uuid: str) -> bool:
    """Let a reception count as ended before its object is written; False if the instance went."""
    return index.table.update_if(
        keys.resource(instance.orthanc_id),
        "ADD d :new",
        "attribute_exists(v) AND attribute_not_exists(x)",
        {":new": {"SS": [uuid]}},
    )


def replace_object(index: Index, instance: Resource, new: StoredFile) -> bool:
    """Let an announced object hold an instance; False if that was replaced meanwhile."""
    return retry_when_changed(lambda: _try_replace(index, instance, new))


def _try_replace(index: Index, instance: Resource, new: StoredFile) -> bool:
    row = index.table.get(keys.resource(instance.orthanc_id))
    old = instance.file
    if row is None or old is None or codec.is_deleted(row) or row["v"]["S"] != old.uuid:
        return False
    header = index.table.get(keys.header(instance.orthanc_id, old.uuid))
    if header is not None:
        index.table.put({**header, **keys.header(instance.orthanc_id, new.uuid)})
    table = index.table.name
    saved = Totals(saved_bytes=new.saved_bytes - old.saved_bytes)
    grown = [items.count(table, saved)]
    grown += [items.grow(table, one, saved) for one in instance.ancestors.values()]
    pending = items.pending(table, clock.now(), clock.new_uuid(), [], [], [old.key])
    sizes = grown if saved != Totals() else []
    index.table.transact([_update(table, row, old, new), *sizes, pending])
    return True


def _update(table: str, row: Row, old: StoredFile, new: StoredFile) -> Item:
    ended = {"SS": sorted({*row["d"]["SS"], old.uuid} - {new.uuid})}
    values: dict[str, Any] = {
        ":v": codec.text(new.uuid),
        ":d": ended,
        ":old": codec.text(old.uuid),
        ":old_d": row["d"],
    }
    clauses = "SET v = :v, d = :d REMOVE zc, hc"
    if new.compressed_bytes is not None:
        clauses = "SET v = :v, d = :d, zc = :zc, hc = :hc"
        values[":zc"] = codec.number(new.compressed_bytes)
        values[":hc"] = codec.text(new.compressed_md5)
    update: dict[str, Any] = {
        "TableName": table,
        "Key": keys.key(row["pk"]["S"], row["sk"]["S"]),
        "UpdateExpression": clauses,
        "ConditionExpression": "v = :old AND d = :old_d AND attribute_not_exists(x)",
        "ExpressionAttributeValues": values,
    }
    return {"Update": update}  # type: ignore[typeddict-item]
