"""Removing the objects of receptions that are served no more."""

from __future__ import annotations

from nephele.aws.index import codec, keys, records
from nephele.aws.index.table import Row
from nephele.aws.keys import InstanceKey, parse_instance_key
from nephele.services.archive import Archive
from nephele.services.derived import delete_derived


def purge(archive: Archive, object_key: str) -> bool:
    """Remove an object, what was made of it, and its rows; tell whether it was done.

    An object is kept unless the index says that its reception has ended: whatever a message asks
    for, an instance that is served, that waits for its index entry or that is kept aside stays.
    """
    key = parse_instance_key(object_key)
    if key is None:
        return False
    row = archive.index.table.get(keys.resource(key.orthanc_id))
    if row is None or not is_purgeable(archive, row, key):
        return False
    archive.bucket.delete(object_key)
    delete_derived(archive, key)
    archive.index.table.delete_all(
        [keys.header(key.orthanc_id, key.uuid), keys.aside(key.orthanc_id, key.uuid)]
    )
    records.forget_ended(archive.index.table, key.orthanc_id, key.uuid)
    return True


def is_purgeable(archive: Archive, row: Row, key: InstanceKey) -> bool:
    """Tell whether a reception's object may go: it has ended, and nothing keeps it aside.

    A reception is kept aside for as long as the instance it lost against.
    """
    if not codec.has_ended(row, key.uuid):
        return False
    if codec.is_deleted(row):
        return True
    return not records.is_aside(archive.index.table, key.orthanc_id, key.uuid)
