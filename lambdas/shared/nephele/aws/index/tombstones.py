"""Tombstones of instances that the index does not know any more."""

from __future__ import annotations

from collections.abc import Sequence

from nephele.aws.index import codec, keys
from nephele.aws.index.table import Table
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId


def put_tombstone(table: Table, orthanc_id: OrthancId, uuids: Sequence[str]) -> bool:
    """Let receptions of an instance count as ended; False where the instance is served."""
    return table.update_if(
        keys.resource(orthanc_id),
        "SET x = :one, l = :l ADD d :ended",
        "attribute_not_exists(v)",
        {
            ":one": codec.number(1),
            ":l": codec.text(Level.INSTANCE),
            ":ended": {"SS": sorted(set(uuids))},
        },
    )
