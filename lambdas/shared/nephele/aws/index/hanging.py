"""The rows a new resource is found by: under its parent, by identifier, in its list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nephele.aws.index import codec, items, keys
from nephele.aws.index.table import Row
from nephele.domain.header import InstanceHeader
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item


def hang(table: str, level: Level, orthanc_id: OrthancId, header: InstanceHeader) -> list[Item]:
    """Return the items that write all of them for a resource."""
    found = [] if level is Level.PATIENT else [child(table, level, orthanc_id, header)]
    found += [
        items.put(table, {**key, "o": codec.text(value)})
        for key, value in items.identifier_keys(
            level, orthanc_id, header.main_tags[level], header.identity
        )
    ]
    return [*found, items.put(table, dict(keys.listed(level, orthanc_id)))]


def child(table: str, level: Level, orthanc_id: OrthancId, header: InstanceHeader) -> Item:
    """Hang a resource under its parent; an instance brings its place in the series."""
    parent = header.identity.orthanc_id(ORDER[ORDER.index(level) - 1])
    row: Row = dict(keys.child(parent, orthanc_id))
    if level is Level.INSTANCE and header.index_in_series is not None:
        row["i"] = codec.text(header.index_in_series)
    return items.put(table, row)
