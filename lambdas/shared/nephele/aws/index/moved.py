"""What has come because of a C-MOVE the edge asked for, at whichever of its tasks."""

from __future__ import annotations

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.table import Table
from nephele.domain.orthanc_id import OrthancId

_KEPT_SECONDS = 86_400


def note_moved(table: Table, message_id: int, orthanc_id: OrthancId) -> None:
    """Remember that an instance has come because of a C-MOVE."""
    expires = {"expires": codec.number(clock.expiry(_KEPT_SECONDS))}
    table.put({**keys.moved_instance(message_id, orthanc_id), **expires})


def moved(table: Table, message_id: int) -> list[OrthancId]:
    """Return what has come because of a C-MOVE."""
    rows = table.iter_query(keys.moved(message_id), attributes="sk")
    return [OrthancId(row["sk"]["S"]) for row in rows]


def forget_moved(table: Table, message_id: int) -> None:
    """Forget what came because of an earlier C-MOVE under the same message id."""
    partition = keys.moved(message_id)
    table.delete_all([keys.key(partition, one) for one in moved(table, message_id)])
