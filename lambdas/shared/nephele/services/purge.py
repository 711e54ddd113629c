"""Removing the objects of receptions that are served no more."""

from __future__ import annotations

from nephele.aws.index import codec, keys
from nephele.aws.index.records import is_aside
from nephele.aws.keys import parse_instance_key
from nephele.services.archive import Archive


def purge(archive: Archive, object_key: str) -> bool:
    """Remove an object and its header row; tell whether it was done.

    An object is kept unless the index says that its reception has ended: whatever a message asks
    for, an instance that is served, that waits for its index entry or that is kept aside stays.
    """
    key = parse_instance_key(object_key)
    if key is None:
        return False
    row = archive.index.table.get(keys.resource(key.orthanc_id))
    if row is None or not codec.has_ended(row, key.uuid):
        return False
    if is_aside(archive.index.table, key.orthanc_id, key.uuid):
        return False
    archive.bucket.delete(object_key)
    archive.index.table.delete(keys.header(key.orthanc_id, key.uuid))
    return True
