"""Removing the objects of receptions that are served no more."""

from __future__ import annotations

from nephele.aws.index import codec, ended, keys, records
from nephele.aws.index.table import Row
from nephele.aws.keys import (
    AttachmentKey,
    InstanceKey,
    parse_attachment_key,
    parse_instance_key,
)
from nephele.services.archive import Archive
from nephele.services.derived import delete_derived


def purge(archive: Archive, object_key: str) -> bool:
    """Remove an object, what was made of it, and its rows; tell whether it was done.

    An object is kept unless the index says that its reception has ended: whatever a message asks
    for, an instance that is served, that waits for its index entry or that is kept aside stays.
    """
    attachment = parse_attachment_key(object_key)
    if attachment is not None:
        return _purge_attachment(archive, attachment)
    key = parse_instance_key(object_key)
    if key is None:
        return False
    table = archive.index.table
    row = table.get(keys.resource(key.orthanc_id))
    if row is None or not _is_purgeable(archive, row, key):
        _keep_served(archive, row, key)
        return False
    archive.bucket.delete(object_key)
    row = table.get(keys.resource(key.orthanc_id))
    if row is None or not ended.has_ended(table, row, key.uuid):
        archive.bucket.undelete(object_key)  # its deletion was undone at the same moment
        return False
    delete_derived(archive, key)
    table.delete_all([keys.header(key.orthanc_id, key.uuid), keys.aside(key.orthanc_id, key.uuid)])
    ended.forget_purged(table, row, key.uuid)
    return True


def _keep_served(archive: Archive, row: Row | None, key: InstanceKey) -> None:
    """Bring the object of a reception back that is served: a purge before may have ended midway."""
    if codec.is_served(row, key.uuid):
        archive.bucket.undelete(str(key))


def _purge_attachment(archive: Archive, key: AttachmentKey) -> bool:
    """Remove what a user attached, unless a resource has it."""
    if _is_attached(archive, key):
        archive.bucket.undelete(str(key))
        return False
    archive.bucket.delete(str(key))
    if _is_attached(archive, key):
        archive.bucket.undelete(str(key))  # its deletion was undone at the same moment
        return False
    delete_derived(archive, key)
    return True


def _is_attached(archive: Archive, key: AttachmentKey) -> bool:
    resource = archive.index.resource(key.orthanc_id)
    return resource is not None and key.uuid in resource.user.object_uuids


def _is_purgeable(archive: Archive, row: Row, key: InstanceKey) -> bool:
    return ended.has_ended(archive.index.table, row, key.uuid) and not is_kept(archive, row, key)


def is_kept(archive: Archive, row: Row, key: InstanceKey) -> bool:
    """Tell whether a reception that has ended is kept aside.

    It is for as long as the instance it lost against.
    """
    table = archive.index.table
    return not codec.is_deleted(row) and records.is_aside(table, key.orthanc_id, key.uuid)
