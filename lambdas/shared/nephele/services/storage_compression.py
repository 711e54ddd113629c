"""Compressing and inflating what is stored already, one attachment at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nephele.aws import clock, object_metadata
from nephele.aws.index.recompression import (
    announce_object,
    discard_object,
    discarded_at_failure,
    replace_object,
)
from nephele.aws.keys import FINAL, AttachmentKey, InstanceKey
from nephele.aws.part_upload import PartUpload
from nephele.domain.content_type import DICOM
from nephele.domain.full_disk import full_disk_translated
from nephele.domain.header import InstanceHeader
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource, StoredFile
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.archive_members import new_spool
from nephele.services.attachments import find_attachment, replace_attachment
from nephele.services.plain_files import iter_file
from nephele.services.receive import write_compressed


def change_compression(
    archive: Archive, identifier: str, number: int, *, is_compressed: bool
) -> None:
    """Let an attachment be stored compressed, or as it is; that it is so already is no error.

    Its object, and with it its uuid, is another one then.

    Raises
    ------
    UnknownResource
        There is no such attachment.
    """
    attached = find_attachment(archive, identifier, number)
    if attached.file.is_compressed == is_compressed:
        return
    orthanc_id = OrthancId(identifier)
    if number == DICOM:
        _change_instance(archive, orthanc_id, is_compressed=is_compressed)
        return
    old = archive.index.resource(orthanc_id)
    if old is None:
        raise UnknownResource("")
    kept = replace(attached.file, md5=old.user.attachments[number].md5)
    uuid = clock.new_uuid()
    key = str(AttachmentKey(orthanc_id, uuid))
    file = _rewrite(archive, kept, key, uuid, {}, is_compressed=is_compressed)
    replace_attachment(archive, orthanc_id, number, kept.uuid, file)


def _change_instance(archive: Archive, orthanc_id: OrthancId, *, is_compressed: bool) -> None:
    instance = archive.index.resource(orthanc_id)
    if instance is None or instance.file is None:
        raise UnknownResource("")
    old, uuid = instance.file, clock.new_uuid()
    if old.is_compressed == is_compressed or not announce_object(archive.index, instance, uuid):
        return
    key = str(InstanceKey(FINAL, orthanc_id, uuid))
    with discarded_at_failure(archive.index, key):
        metadata = object_metadata.without_compression(archive.bucket.head(old.key).metadata)
        new = _rewrite(archive, old, key, uuid, metadata, is_compressed=is_compressed)
    serve(archive, instance, new)


def serve(
    archive: Archive, instance: Resource, new: StoredFile, header: InstanceHeader | None = None
) -> None:
    """Let a new object be the one that is served; it is for nothing where another came.

    Parameters
    ----------
    header : InstanceHeader, optional
        Of its file, where that is another one.
    """
    if not replace_object(archive.index, instance, new, header):
        discard_object(archive.index, new.key)


def _rewrite(
    archive: Archive,
    old: StoredFile,
    key: str,
    uuid: str,
    metadata: Mapping[str, str],
    *,
    is_compressed: bool,
) -> StoredFile:
    """Write the file of an object into another one."""
    new = replace(old, key=key, uuid=uuid, compressed_bytes=None, compressed_md5="")
    if not is_compressed:
        with PartUpload(archive.bucket, key, lambda _: metadata) as upload:
            for part in iter_file(archive.bucket, old):
                upload.write(part)
            upload.finish(b"")
        return new
    with new_spool() as spool, full_disk_translated():
        for part in iter_file(archive.bucket, old):
            spool.write(part)
        return write_compressed(archive.bucket, spool, new, metadata)
