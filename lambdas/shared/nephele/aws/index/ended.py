"""Receptions of an instance that have ended: they were deleted, replaced or refused.

An instance's row names the first of them in its set `d`. It takes so many; each further one has a
row of its own, and `es` counts those that were ever written: without it there are none to look for.
Where it was already removed from the bucket a reception is forgotten, and `eg` counts how often.
So whoever has seen that a reception has not ended, and finds both as they were, can be sure of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import codec, items, keys
from nephele.aws.index.table import TRANSACTION_ITEMS, ConditionFailed, Row, Table
from nephele.aws.keys import InstanceKey
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

MOST_IN_ROW = 25
"""Ended receptions an instance's row takes: about 1 KB of it, and as much where they are aside."""
_PURGED_SECONDS = 15 * 86_400
"""What is purged is remembered as long: queues forget their messages after 14 days."""
_SPILLED_AT_ONCE = TRANSACTION_ITEMS - 1
_SPILLED = "es"
_FORGOTTEN = "eg"
_BURIED = "eb"
"""What `es` was when the instance was deleted last: later ones are of the life it has now."""


def has_room(row: Row) -> bool:
    """Tell whether an instance's row takes one more reception."""
    return len(codec.ended_uuids(row)) < MOST_IN_ROW


def has_spilled(row: Row) -> bool:
    """Tell whether receptions of an instance may have rows of their own."""
    return _SPILLED in row


def spilled_row(row: Row, uuid: str, *, is_aside: bool = False) -> Row:
    """Return the row of a reception that an instance's row has no room for."""
    spilled: Row = dict(keys.ended(OrthancId(row["pk"]["S"]), uuid))
    if is_aside:
        spilled["y"] = codec.number(codec.read_number(row, _SPILLED) + 1)
    return spilled


def end(
    table: str, row: Row, uuid: str, *, is_aside: bool = False
) -> tuple[str, dict[str, Any], list[Item]]:
    """Return how the update of an instance's row lets a reception end.

    Returns
    -------
    tuple
        What is added to the expression, behind ADD; its values; and the items that go with it.
    """
    if has_room(row):
        added = "d :ended, y :ended" if is_aside else "d :ended"
        return added, {":ended": {"SS": [uuid]}}, []
    spilled = items.put(table, spilled_row(row, uuid, is_aside=is_aside))
    return f"{_SPILLED} :one_more", {":one_more": codec.number(1)}, [spilled]


def bury_spilled(row: Row) -> tuple[str, dict[str, Any]]:
    """Return what a deletion sets, so that what was aside is not aside in the instance's next life.

    It comes with its leading comma; empty where no reception has a row of its own.
    """
    if not has_spilled(row):
        return "", {}
    buried = codec.read_number(row, _SPILLED) + (0 if has_room(row) else 1)
    return f", {_BURIED} = :buried", {":buried": codec.number(buried)}


def unchanged(row: Row) -> tuple[str, dict[str, Any]]:
    """Return the condition that no reception was spilled or forgotten since a row was read."""
    conditions, values = [], {}
    for name in (_SPILLED, _FORGOTTEN):
        if name in row:
            conditions.append(f"{name} = :{name}")
            values[f":{name}"] = row[name]
        else:
            conditions.append(f"attribute_not_exists({name})")
    return " AND ".join(conditions), values


def ended_among(
    table: Table, rows: Mapping[OrthancId, Row], receptions: Iterable[InstanceKey]
) -> set[str]:
    """Return the uuids of those receptions that have ended, given their instances' rows."""
    ended: set[str] = set()
    elsewhere = []
    for key in receptions:
        row = rows.get(key.orthanc_id, {})
        if key.uuid in codec.ended_uuids(row):
            ended.add(key.uuid)
        elif has_spilled(row):
            elsewhere.append(keys.ended(key.orthanc_id, key.uuid))
    found = table.get_all(elsewhere) if elsewhere else []
    return ended | {_uuid_of(row) for row in found}


def has_ended(table: Table, row: Row | None, uuid: str) -> bool:
    """Tell whether a reception was deleted, replaced or refused before."""
    if row is None:
        return False
    if uuid in codec.ended_uuids(row):
        return True
    key = keys.ended(OrthancId(row["pk"]["S"]), uuid)
    return has_spilled(row) and table.get(key) is not None


def settled_among(
    table: Table, rows: Mapping[OrthancId, Row], receptions: Sequence[InstanceKey]
) -> set[str]:
    """Return the uuids of the receptions of which the index knows all it has to.

    They are served, or have ended.
    """
    served = {key.uuid for key in receptions if codec.is_served(rows.get(key.orthanc_id), key.uuid)}
    return served | ended_among(table, rows, [key for key in receptions if key.uuid not in served])


def aside_uuids(table: Table, row: Row) -> list[str]:
    """Return the uuids of a served instance's receptions that are kept aside."""
    aside = codec.aside_uuids(row)
    if has_spilled(row):
        buried = codec.read_number(row, _BURIED)
        spilled = table.iter_query(row["pk"]["S"], prefix=keys.ENDED)
        aside += [_uuid_of(one) for one in spilled if codec.read_number(one, "y") > buried]
    return sorted(aside)


def put_tombstone(table: Table, orthanc_id: OrthancId, uuids: Iterable[str]) -> bool:
    """Let receptions of an instance count as ended; False where the instance is served."""
    row = table.get(keys.resource(orthanc_id)) or dict(keys.resource(orthanc_id))
    receptions = [InstanceKey("", orthanc_id, uuid) for uuid in set(uuids)]
    known = ended_among(table, {orthanc_id: row}, receptions)
    new = sorted({key.uuid for key in receptions} - known)
    room = max(0, MOST_IN_ROW - len(codec.ended_uuids(row)))
    in_row, spilled = new[:room], new[room:]
    try:
        for start in range(0, len(spilled) or 1, _SPILLED_AT_ONCE):
            some = spilled[start : start + _SPILLED_AT_ONCE]
            rows = [items.put(table.name, spilled_row(row, uuid)) for uuid in some]
            here = in_row if start == 0 else []
            table.transact([_bury(table.name, orthanc_id, here, len(some)), *rows])
    except ConditionFailed:
        return False
    return True


def _bury(table: str, orthanc_id: OrthancId, in_row: Sequence[str], spilled: int) -> Item:
    """Return how an instance's row becomes a tombstone, or names more of what has ended."""
    values: dict[str, Any] = {":one": codec.number(1), ":l": codec.text(Level.INSTANCE)}
    added = []
    if in_row:
        added.append("d :ended")
        values[":ended"] = {"SS": list(in_row)}
    if spilled:
        added.append(f"{_SPILLED} :spilled")
        values[":spilled"] = codec.number(spilled)
    adding = f"ADD {', '.join(added)}" if added else ""
    update: dict[str, Any] = {
        "TableName": table,
        "Key": keys.resource(orthanc_id),
        "UpdateExpression": f"SET x = :one, l = :l {adding}",
        "ConditionExpression": "attribute_not_exists(v)",
        "ExpressionAttributeValues": values,
    }
    return {"Update": update}  # type: ignore[typeddict-item]


def let_go_on(table: Table, row: Row, uuids: Sequence[str]) -> bool:
    """Take receptions of a tombstone out of those that have ended; False where it is none now."""
    orthanc_id = OrthancId(row["pk"]["S"])
    in_row = sorted(set(uuids).intersection(codec.ended_uuids(row)))
    if in_row and not table.update_if(
        keys.resource(orthanc_id),
        "DELETE d :ended",
        "attribute_exists(x)",
        {":ended": {"SS": in_row}},
    ):
        return False
    if has_spilled(row):
        table.delete_all([keys.ended(orthanc_id, uuid) for uuid in uuids])
    return True


def forget_purged(table: Table, row: Row, uuid: str) -> None:
    """Forget a reception whose object is gone, while another one is served.

    An instance that is sent again and again would otherwise fill its row. A tombstone forgets what
    has a row of its own, after a while.
    """
    orthanc_id = OrthancId(row["pk"]["S"])
    values = {":ended": {"SS": [uuid]}, ":one": codec.number(1)}
    is_served = table.update_if(
        keys.resource(orthanc_id),
        f"DELETE d :ended ADD {_FORGOTTEN} :one",
        "attribute_exists(v) AND attribute_not_exists(x)",
        values,
    )
    if not has_spilled(row):
        return
    key = keys.ended(orthanc_id, uuid)
    if is_served:
        table.delete_all([key])
    else:
        expires = {":at": codec.number(clock.expiry(_PURGED_SECONDS))}
        table.update(key, "SET expires = :at REMOVE y", "attribute_exists(pk)", expires)


def _uuid_of(row: Row) -> str:
    return str(row["sk"]["S"].removeprefix(keys.ENDED))
