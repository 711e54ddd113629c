"""The transaction items that commits and deletions are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nephele.aws.index import codec, keys
from nephele.aws.index.table import Row
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity, OrthancId
from nephele.domain.resources import Change, Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

IDENTIFIERS: dict[Level, tuple[str, ...]] = {
    Level.PATIENT: ("0010,0020",),
    Level.STUDY: ("0020,000d", "0008,0050"),
    Level.SERIES: ("0020,000e",),
    Level.INSTANCE: ("0008,0018",),
}
"""Attributes a resource can be looked up by."""

_COUNTS = {
    "np": "patients",
    "nt": "studies",
    "ns": "series",
    "ni": "instances",
    "z": "size_bytes",
    "zs": "saved_bytes",
    "za": "attached_bytes",
    "zt": "attached_saved_bytes",
}


def put(table: str, row: Row, condition: str = "") -> Item:
    """Write a row."""
    item: dict[str, Any] = {"TableName": table, "Item": row}
    if condition:
        item["ConditionExpression"] = condition
    return {"Put": item}  # type: ignore[typeddict-item]


def delete(table: str, key: keys.Key) -> Item:
    """Remove a row."""
    return {"Delete": {"TableName": table, "Key": key}}


def count(table: str, totals: Totals) -> Item:
    """Add to the archive's counters; negative totals subtract."""
    return _add(table, keys.any_counter(), totals, {}, "", "")


def touch(
    table: str, orthanc_id: OrthancId, totals: Totals, now: str, *, received: bool = True
) -> Item:
    """Add to what lies beneath an existing parent; with `received` it is stable no more."""
    return _add(
        table,
        keys.resource(orthanc_id),
        totals,
        {":u": codec.text(now)},
        "SET u = :u, c = :u REMOVE s" if received else "SET u = :u",
        "attribute_exists(pk)",
    )


def grow(table: str, orthanc_id: OrthancId, totals: Totals) -> Item:
    """Add to what lies beneath an existing resource, and touch nothing else of it."""
    return _add(table, keys.resource(orthanc_id), totals, {}, "", "attribute_exists(pk)")


def also(
    item: Item, clause: str, condition: str, names: dict[str, str], values: dict[str, Any]
) -> Item:
    """Let an update of `touch` do more: a SET or a REMOVE clause, under one more condition."""
    update: dict[str, Any] = dict(item["Update"])
    expression = update["UpdateExpression"]
    if clause.startswith("SET ") and expression.startswith("SET "):
        expression = f"{clause}, {expression.removeprefix('SET ')}"
    elif clause.startswith("SET "):
        expression = f"{clause} {expression}".strip()
    elif clause:
        expression = f"{expression} {clause}"
    update["UpdateExpression"] = expression
    update["ConditionExpression"] = f"{update['ConditionExpression']} AND {condition}"
    update["ExpressionAttributeValues"] = update["ExpressionAttributeValues"] | values
    if names:
        update["ExpressionAttributeNames"] = names
    return {"Update": update}  # type: ignore[typeddict-item]


def _add(
    table: str,
    key: keys.Key,
    totals: Totals,
    values: dict[str, Any],
    expression: str,
    condition: str,
) -> Item:
    amounts = {name: getattr(totals, field) for name, field in _COUNTS.items()}
    added = {name: amount for name, amount in amounts.items() if amount}
    clauses = [expression] if expression else []
    if added:
        clauses.append("ADD " + ", ".join(f"{name} :{name}" for name in added))
    update: dict[str, Any] = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": " ".join(clauses),
        "ExpressionAttributeValues": values
        | {f":{name}": codec.number(amount) for name, amount in added.items()},
    }
    if condition:
        update["ConditionExpression"] = condition
    return {"Update": update}  # type: ignore[typeddict-item]


def identifier_keys(
    level: Level, orthanc_id: OrthancId, main_tags: dict[str, str], identity: Identity
) -> list[tuple[keys.Key, str]]:
    """Return the look-up rows of a resource: key, and the identifier as received."""
    own = {
        Level.PATIENT: identity.patient_id,
        Level.STUDY: identity.study_instance_uid,
        Level.SERIES: identity.series_instance_uid,
        Level.INSTANCE: identity.sop_instance_uid,
    }[level]
    values = main_tags | {IDENTIFIERS[level][0]: own}
    return [
        (key, values.get(tag, "")) for tag, key in _keys_by_tag(level, orthanc_id, values).items()
    ]


def shown_identifier_keys(
    level: Level, orthanc_id: OrthancId, main_tags: dict[str, str]
) -> list[keys.Key]:
    """Return the look-up rows that can be told from the main tags alone."""
    return list(_keys_by_tag(level, orthanc_id, main_tags).values())


def _keys_by_tag(
    level: Level, orthanc_id: OrthancId, values: dict[str, str]
) -> dict[str, keys.Key]:
    return {
        tag: keys.key(keys.identifier(tag, values.get(tag, "")), orthanc_id)
        for tag in IDENTIFIERS[level]
        if values.get(tag) or level is Level.PATIENT
    }


def pending(
    table: str,
    now: str,
    uuid: str,
    changes: Sequence[Change],
    touched: Sequence[tuple[Level, OrthancId]],
    purge: Sequence[str] = (),
    deleted: Sequence[tuple[Level, OrthancId]] = (),
    traces: Sequence[str] = (),
) -> Item:
    """Write the outbox row of a commit.

    Its changes wait there for their numbers; the stream's consumer reads from it which resources
    were touched or deleted, which objects are to be removed, and what is traced.
    """
    row: Row = {
        **keys.pending(now, uuid),
        "c": codec.document([[c.change_type, c.level, c.orthanc_id, c.date] for c in changes]),
        "w": codec.document([[level, orthanc_id] for level, orthanc_id in touched]),
        "u": codec.text(now),
    }
    if purge:
        row["p"] = codec.document(list(purge))
    if deleted:
        row["x"] = codec.document([[level, orthanc_id] for level, orthanc_id in deleted])
    if traces:
        row["t"] = codec.document(list(traces))
    return put(table, row)
