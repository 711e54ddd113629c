"""The rows of deletions that can be undone; what they deleted stands in the journal."""

from __future__ import annotations

from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.table import ConditionFailed, Row, Table
from nephele.aws.index.tombstones import is_as_begun
from nephele.domain.deletions import Deletion
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId


def put_deletion(table: Table, deletion: Deletion) -> None:
    """Keep a deletion until it expires."""
    row: Row = {
        **keys.deletion(deletion.identifier),
        "l": codec.text(deletion.level),
        "k": codec.text(deletion.orthanc_id),
        "r": codec.text(deletion.deleted),
        "ni": codec.number(deletion.instances),
        "z": codec.number(deletion.size_bytes),
        "t": codec.document(dict(deletion.main_tags)),
        "expires": codec.number(deletion.expires),
    }
    if deletion.is_recycled:
        row["f"] = codec.number(1)
    table.put(row)


def list_deletions(table: Table) -> list[Deletion]:
    """Return the deletions that can be undone, the oldest first."""
    found = [_read(row) for row in table.iter_query(keys.DELETED)]
    now = clock.epoch_seconds()
    return sorted((one for one in found if one.expires > now), key=lambda one: one.deleted)


def deletion(table: Table, identifier: str) -> Deletion | None:
    """Return a deletion, None if there is none, or it has expired."""
    row = table.get(keys.deletion(identifier))
    found = None if row is None else _read(row)
    return found if found is not None and found.expires > clock.epoch_seconds() else None


def set_instances(table: Table, identifier: str, instances: int) -> None:
    """Correct how many instances a deletion has removed, if it was settled before."""
    values = {":n": codec.number(instances)}
    table.update(keys.deletion(identifier), "SET ni = :n", "attribute_exists(pt)", values)


def is_settled(table: Table, identifier: str) -> bool:
    """Tell whether a deletion was taken for one that had ended midway."""
    return "pt" in (table.get(keys.deletion(identifier)) or {})


def settle(table: Table, identifier: str, instances: int, begun: tuple[str, str]) -> bool:
    """Correct what a deletion that ended midway has removed; where that is nothing, forget it.

    Parameters
    ----------
    begun : tuple
        The name it is known by as one that has begun, and when it did.

    Returns
    -------
    bool
        False where it goes on: then nothing is changed.
    """
    name, moment = begun
    unchanged = {
        "TableName": table.name,
        "Key": keys.burying(name),
        "UpdateExpression": "SET r = :begun",
        **is_as_begun(moment),
    }
    key: dict[str, Any] = {"TableName": table.name, "Key": keys.deletion(identifier)}
    corrected = key | {
        "UpdateExpression": "SET ni = :n, pt = :one",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":n": codec.number(instances), ":one": codec.number(1)},
    }
    change = {"Update": corrected} if instances else {"Delete": key}
    try:
        table.transact([{"Update": unchanged}, change])  # type: ignore[typeddict-item, list-item]
    except ConditionFailed:
        return False
    return True


def forget_deletion(table: Table, identifier: str) -> None:
    """Remove a deletion that was undone, or has removed nothing."""
    table.delete(keys.deletion(identifier))


def _read(row: Row) -> Deletion:
    return Deletion(
        identifier=row["sk"]["S"],
        level=Level(row["l"]["S"]),
        orthanc_id=OrthancId(row["k"]["S"]),
        deleted=row["r"]["S"],
        instances=codec.read_number(row, "ni"),
        size_bytes=codec.read_number(row, "z"),
        main_tags=codec.read_document(row, "t"),
        is_recycled="f" in row,
        expires=codec.read_number(row, "expires"),
    )
