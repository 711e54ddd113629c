"""Attaching a large presigned upload, as a job: it is read once, then copied inside the bucket."""

from __future__ import annotations

from nephele.aws import clock
from nephele.domain.digests import md5_in_time
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource, StoredFile
from nephele.services.archive import Archive
from nephele.services.attachments import (
    attachment_file,
    keep_attachment,
    require_attachable,
)
from nephele.services.capacity import require_room
from nephele.services.jobs.slices import Slice
from nephele.services.journal import purged_if_refused
from nephele.services.revisions import Revision, parse_revision
from nephele.services.upload_steps import (
    KEY,
    TARGET,
    complete_upload,
    copy_upload,
    is_copied,
    reading,
    reading_time,
    remove_upload,
)

_REVISION = "Revision"
_MD5 = "MD5"
_UUID = "Uuid"
_SIZE = "Size"


def run(archive: Archive, piece: Slice) -> bool:
    """Finish the upload, copy it, let the resource have it, and keep the revision for the answer.

    Raises
    ------
    ReadOnlyItem, UnknownResource, BadRevision, StorageFull
        As `nephele.services.attachments.attach`.
    """
    if _REVISION not in piece.position:
        revision = _attach(archive, piece)
        if revision is None:
            return False
        piece.position[_REVISION] = [revision.number, revision.md5]
        piece.checkpoint(1.0)
    remove_upload(archive, piece)
    return True


def _attach(archive: Archive, piece: Slice) -> Revision | None:
    """Attach the upload; None where there is no time left."""
    identifier, number, tag = piece.request[TARGET]
    expected = None if tag is None else parse_revision(tag, "if-match")
    if not is_copied(piece):
        written = [piece.position[_UUID]] if _UUID in piece.position else []
        with purged_if_refused(archive, identifier, written):
            resource = require_attachable(archive, identifier, number, expected)
        complete_upload(archive, piece)
        if not _copy(archive, piece, resource):
            return None
    file = _file(identifier, piece)
    return keep_attachment(archive, identifier, number, file, expected)


def _copy(archive: Archive, piece: Slice, resource: Resource) -> bool:
    """Read the object for its MD5, then copy it.

    Each beginning of the job has a uuid of its own: the copy of one that failed is purged.
    """
    if _MD5 not in piece.position:
        if not piece.has_time():
            return False
        size_bytes = archive.bucket.head(piece.request[KEY]).size_bytes
        with reading(archive, piece.request[KEY], size_bytes) as file:
            md5 = md5_in_time(file, reading_time())
        piece.position |= {_SIZE: size_bytes, _MD5: md5, _UUID: clock.new_uuid()}
        piece.checkpoint()
    target = _file(resource.orthanc_id, piece)
    require_room(archive, target.size_bytes, resource)
    return copy_upload(archive, piece, target.key, {}, target.size_bytes)


def _file(orthanc_id: OrthancId, piece: Slice) -> StoredFile:
    position = piece.position
    return attachment_file(orthanc_id, position[_UUID], position[_SIZE], position[_MD5])
