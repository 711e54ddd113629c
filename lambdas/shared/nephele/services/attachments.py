"""Attachments: the file of an instance, and what users attach to any resource."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import BinaryIO

from nephele.aws import clock
from nephele.aws.index.user_state import ask_to_purge
from nephele.aws.keys import AttachmentKey
from nephele.domain.content_type import DICOM, DICOM_AS_JSON, ContentNames, is_user_content
from nephele.domain.orthanc_id import OrthancId, is_orthanc_id
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.resources import Resource, StoredFile
from nephele.domain.user_state import Attachment, UserState
from nephele.errors import AnswerTooLarge, InexistentItem, ReadOnlyItem, UnknownResource
from nephele.services.archive import Archive
from nephele.services.capacity import require_room
from nephele.services.journal import change_kept, keep_changed, purged_if_refused
from nephele.services.metadata import MOST_ITEMS
from nephele.services.plain_files import iter_file, iter_object
from nephele.services.receive import md5_of, write_compressed
from nephele.services.revisions import Revision, check_revision

_NOBODY = Provenance(Origin.UNKNOWN, "")
"""Nothing is kept of where an attachment came from."""


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """An attachment: its type, its object, and its revision."""

    content_type: int
    file: StoredFile
    revision: Revision


def content_names(archive: Archive) -> ContentNames:
    """Return the names attachments have under the archive's configuration."""
    return ContentNames(archive.configuration.user_content_type)


def content_number(archive: Archive, name: str) -> int:
    """Return the number of a type of attachments; InexistentItem if there is no such name."""
    number = content_names(archive).number(name)
    if number is None:
        raise InexistentItem("")
    return number


def attached_files(archive: Archive, resource: Resource) -> list[AttachedFile]:
    """Return the attachments of a resource, ascending by the number of their type."""
    found = [_user_file(resource, number, one) for number, one in resource.user.attachments.items()]
    if resource.file is not None:
        found.append(AttachedFile(DICOM, resource.file, Revision(0, resource.file.md5)))
    if not archive.configuration.store_md5_for_attachments:
        found = [_without_md5(one) for one in found]
    return sorted(found, key=lambda one: one.content_type)


def _user_file(resource: Resource, number: int, attachment: Attachment) -> AttachedFile:
    key = str(AttachmentKey(resource.orthanc_id, attachment.uuid))
    file = StoredFile(key, attachment.uuid, attachment.size_bytes, attachment.md5, _NOBODY)
    if attachment.is_compressed:
        file = replace(
            file,
            compressed_bytes=attachment.stored_bytes,
            compressed_md5=attachment.stored_md5,
        )
    return AttachedFile(number, file, Revision(attachment.revision, attachment.md5))


def _without_md5(one: AttachedFile) -> AttachedFile:
    file = replace(one.file, md5="", compressed_md5="")
    return replace(one, file=file, revision=replace(one.revision, md5=""))


def find_attachment(archive: Archive, identifier: str, number: int) -> AttachedFile:
    """Return an attachment of a resource, whatever its level.

    Raises
    ------
    UnknownResource
        There is no such resource, or it has none of that type.
    """
    resource = archive.index.resource(OrthancId(identifier)) if is_orthanc_id(identifier) else None
    files = [] if resource is None else attached_files(archive, resource)
    for one in files:
        if one.content_type == number:
            return one
    raise UnknownResource("")


def describe_attachment(one: AttachedFile) -> dict[str, object]:
    """Return `/attachments/{name}/info`; what was not computed is left out."""
    file = one.file
    described: dict[str, object] = {
        "CompressedSize": file.stored_bytes,
        "ContentType": one.content_type,
        "UncompressedSize": file.size_bytes,
        "Uuid": file.uuid,
    }
    if file.md5:
        described["UncompressedMD5"] = file.md5
    if stored_md5(file):
        described["CompressedMD5"] = stored_md5(file)
    return described


def stored_md5(file: StoredFile) -> str:
    """Return the MD5 of an object, "" where it was not computed."""
    return file.compressed_md5 if file.is_compressed else file.md5


def attach(
    archive: Archive, identifier: str, number: int, content: BinaryIO, expected: Revision | None
) -> Revision:
    """Attach a file to a resource, in place of the one of its type; return its revision.

    Raises
    ------
    ReadOnlyItem
        It is not of a type that users may write.
    UnknownResource
        There is no such resource.
    BadRevision
        Another file is there than the client expected.
    StorageFull
        There is no room for it.
    """
    resource = require_attachable(archive, identifier, number, expected)
    size_bytes = content.seek(0, 2)
    require_room(archive, size_bytes, resource)
    digest = md5_of(content)
    uuid = clock.new_uuid()
    file = attachment_file(resource.orthanc_id, uuid, size_bytes, digest.hex())
    if archive.configuration.storage_compression:
        file = write_compressed(archive.bucket, content, file, {})
    else:
        archive.bucket.put_file(file.key, content, size_bytes, digest)
    return keep_attachment(archive, resource.orthanc_id, number, file, expected)


def require_attachable(
    archive: Archive, identifier: str, number: int, expected: Revision | None
) -> Resource:
    """Return the resource a file may be attached to: asked before anything is written.

    Raises
    ------
    ReadOnlyItem, UnknownResource, BadRevision
        As `attach`.
    """
    if not is_user_content(number):
        raise ReadOnlyItem("")
    resource = archive.index.resource(OrthancId(identifier)) if is_orthanc_id(identifier) else None
    if resource is None:
        raise UnknownResource("")
    _check(archive, resource.user.attachments.get(number), expected)
    return resource


def attachment_file(orthanc_id: OrthancId, uuid: str, size_bytes: int, md5: str) -> StoredFile:
    """Describe a file that becomes an attachment of a resource as it is."""
    key = str(AttachmentKey(orthanc_id, uuid))
    return StoredFile(key, uuid, size_bytes, md5, _NOBODY)


def keep_attachment(
    archive: Archive,
    orthanc_id: OrthancId,
    number: int,
    file: StoredFile,
    expected: Revision | None,
) -> Revision:
    """Let a resource have a file whose object is written; once, however often it is asked.

    An object that it does not take is purged.

    Raises
    ------
    UnknownResource, BadRevision
        As `attach`.
    """

    def decide(resource: Resource) -> UserState:
        old = resource.user.attachments.get(number)
        if old is not None and old.uuid == file.uuid:
            return resource.user
        _check(archive, old, expected)
        if old is None and len(resource.user.attachments) >= MOST_ITEMS:
            raise AnswerTooLarge(f"A resource has {MOST_ITEMS} attachments at most")
        new = _attachment(file, 0 if old is None else old.revision + 1)
        return replace(resource.user, attachments={**resource.user.attachments, number: new})

    with purged_if_refused(archive, orthanc_id, [file.uuid]):
        changed = change_kept(archive, orthanc_id, decide)
    if changed.state == changed.resource.user:  # who did it may have died before the journal had it
        keep_changed(archive, changed)
    kept = changed.state.attachments[number]
    return Revision(kept.revision, kept.md5)


def _attachment(file: StoredFile, revision: int) -> Attachment:
    return Attachment(
        uuid=file.uuid,
        size_bytes=file.size_bytes,
        md5=file.md5,
        stored_bytes=file.stored_bytes,
        stored_md5=stored_md5(file),
        is_compressed=file.is_compressed,
        revision=revision,
    )


def _check(archive: Archive, old: Attachment | None, expected: Revision | None) -> None:
    current = None if old is None else Revision(old.revision, old.md5)
    check_revision(current, expected, is_required=archive.configuration.check_revisions)


def detach(archive: Archive, identifier: str, number: int, expected: Revision | None) -> None:
    """Remove a user's attachment; UnknownResource if it is absent. Raises as `attach`."""
    if not is_user_content(number) and number != DICOM_AS_JSON:
        raise ReadOnlyItem("")

    def decide(resource: Resource) -> UserState:
        old = resource.user.attachments.get(number)
        if old is None:
            raise UnknownResource("")
        _check(archive, old, expected)
        rest = {n: one for n, one in resource.user.attachments.items() if n != number}
        return replace(resource.user, attachments=rest)

    change_kept(archive, OrthancId(identifier), decide)


def replace_attachment(
    archive: Archive, orthanc_id: OrthancId, number: int, old_uuid: str, file: StoredFile
) -> None:
    """Let another object hold a user's attachment, unless that was replaced meanwhile."""

    def decide(resource: Resource) -> UserState:
        old = resource.user.attachments.get(number)
        if old is None or old.uuid != old_uuid:
            return resource.user
        new = _attachment(file, old.revision)
        return replace(resource.user, attachments={**resource.user.attachments, number: new})

    with purged_if_refused(archive, orthanc_id, [file.uuid]):
        changed = change_kept(archive, orthanc_id, decide)
    if file.uuid not in changed.state.object_uuids:
        ask_to_purge(archive.index, [file.key])


def is_intact(archive: Archive, one: AttachedFile) -> bool:
    """Tell whether the bytes of an attachment have the MD5 that is known of them."""
    file = one.file
    plain = _digest(iter_file(archive.bucket, file)) if file.md5 else ""
    if not file.is_compressed or not file.compressed_md5:
        return plain == file.md5
    stored = _digest(iter_object(archive.bucket, file.key))
    return (plain, stored) == (file.md5, file.compressed_md5)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
