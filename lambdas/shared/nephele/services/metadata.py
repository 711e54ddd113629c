"""Metadata of resources: Orthanc's own, and those that users write."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nephele.aws import clock
from nephele.aws.keys import AttachmentKey
from nephele.domain.extra_tags import default_signature
from nephele.domain.metadata import Metadata, MetadataNames, is_user_metadata, metadata_named
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.domain.user_state import UserMetadata, UserState
from nephele.errors import (
    AnswerTooLarge,
    InexistentItem,
    ReadOnlyItem,
    UnknownResource,
)
from nephele.services.archive import Archive
from nephele.services.hierarchy import in_parallel
from nephele.services.journal import change_kept, purged_if_refused
from nephele.services.revisions import Revision, check_revision

LARGEST_INLINE_BYTES = 1024
"""Longer values are kept in the bucket: a resource's row is read and written often."""
VALUE = "value-"
"""Begins the names of their objects, which the archive's size does not count, as in Orthanc."""
MOST_INLINE_BYTES = 16 << 10
"""Short values of one resource that its row holds; JSON may make them six times as long."""
MOST_ITEMS = 500
"""Metadata, or attachments, that one resource may have; each takes some 200 bytes of its row."""


@dataclass(frozen=True, slots=True)
class MetadataValue:
    """One metadata of a resource."""

    value: bytes
    revision: Revision


def metadata_names(archive: Archive) -> MetadataNames:
    """Return the names metadata have under the archive's configuration."""
    return MetadataNames(archive.configuration.user_metadata)


def metadata_number(archive: Archive, name: str) -> int:
    """Return the number of a metadata.

    Raises
    ------
    InexistentItem
        There is no such name.
    """
    number = metadata_names(archive).number(name)
    if number is None:
        raise InexistentItem("")
    return number


def core_metadata(resource: Resource) -> dict[int, str]:
    """Return Orthanc's metadata of a resource, by number."""
    found = {Metadata.MAIN_DICOM_TAGS_SIGNATURE: default_signature(resource.level)}
    for name, value in resource.metadata.items():
        known = metadata_named(name)
        if known is Metadata.PIXEL_DATA_VR and _is_usual(resource, value):
            continue
        if known is not None:
            found[known] = value
    return {int(number): value for number, value in sorted(found.items())}


def _is_usual(instance: Resource, pixel_data_vr: str) -> bool:
    """Tell whether pixel data have a VR that Orthanc need not keep. See PS3.5 A.4 and 8.2."""
    syntax = transfer_syntax(instance.metadata.get("TransferSyntax", ""))
    return pixel_data_vr == "OB" or (pixel_data_vr == "OW" and not syntax.is_encapsulated)


def numbers(resource: Resource) -> list[int]:
    """Return the numbers of all metadata of a resource, ascending."""
    return sorted({*core_metadata(resource), *resource.user.metadata})


def all_metadata(archive: Archive, resource: Resource) -> dict[int, str]:
    """Return all metadata of a resource, by number; bytes that are no text are replaced."""
    users = resource.user.metadata
    values = in_parallel(lambda one: read_value(archive, resource, one), users.values())
    texts = {n: value.decode("utf-8", "replace") for n, value in zip(users, values, strict=True)}
    return dict(sorted((core_metadata(resource) | texts).items()))


def named_metadata(archive: Archive, resource: Resource) -> dict[str, str]:
    """Return all metadata of a resource, by name."""
    names = metadata_names(archive)
    return {names.name(n): value for n, value in all_metadata(archive, resource).items()}


def read_value(archive: Archive, resource: Resource, metadata: UserMetadata) -> bytes:
    """Return the value of a user's metadata, from the bucket where it is long."""
    if metadata.value is not None:
        return metadata.value
    return archive.bucket.read(str(AttachmentKey(resource.orthanc_id, metadata.uuid)))


def metadata_value(archive: Archive, resource: Resource, number: int) -> MetadataValue | None:
    """Return one metadata of a resource, None where it has none of that number."""
    kept = resource.user.metadata.get(number)
    if kept is not None:
        value = read_value(archive, resource, kept)
        return MetadataValue(value, Revision(kept.revision, kept.md5))
    text = core_metadata(resource).get(number)
    if text is None:
        return None
    return MetadataValue(text.encode(), Revision(0, _md5(text.encode())))


def set_metadata(
    archive: Archive, identifier: str, number: int, value: bytes, expected: Revision | None
) -> Revision:
    """Write a user's metadata; return its new revision.

    Raises
    ------
    ReadOnlyItem
        It is one of Orthanc's own.
    UnknownResource
        There is no such resource.
    BadRevision
        Another one is there than the client expected.
    """
    _require_user(number)
    orthanc_id = OrthancId(identifier)
    inline = UserMetadata(value, _md5(value)) if len(value) <= LARGEST_INLINE_BYTES else None
    written: list[str] = []
    kept = inline or _put_value(archive, orthanc_id, value, written)

    def decide(resource: Resource) -> UserState:
        nonlocal kept
        old = resource.user.metadata.get(number)
        _check(archive, old, expected)
        others = _without(resource.user.metadata, number)
        if len(others) >= MOST_ITEMS:
            raise AnswerTooLarge(f"A resource has {MOST_ITEMS} metadata at most")
        if kept is inline and _inline_bytes(others) + len(value) > MOST_INLINE_BYTES:
            kept = _put_value(archive, orthanc_id, value, written)
        new = replace(kept, revision=0 if old is None else old.revision + 1)
        return replace(resource.user, metadata={**resource.user.metadata, number: new})

    with purged_if_refused(archive, orthanc_id, written):
        changed = change_kept(archive, orthanc_id, decide)
    return _revision(changed.state.metadata[number])


def _inline_bytes(metadata: Mapping[int, UserMetadata]) -> int:
    return sum(len(one.value) for one in metadata.values() if one.value is not None)


def _put_value(
    archive: Archive, orthanc_id: OrthancId, value: bytes, written: list[str]
) -> UserMetadata:
    """Write a value to the bucket, and return what the index keeps of it; note its uuid."""
    md5 = _md5(value)
    if archive.index.resource(orthanc_id) is None:
        raise UnknownResource("")
    uuid = VALUE + clock.new_uuid()
    archive.bucket.put(str(AttachmentKey(orthanc_id, uuid)), value, {}, bytes.fromhex(md5))
    written.append(uuid)
    return UserMetadata(None, md5, uuid=uuid)


def delete_metadata(
    archive: Archive, identifier: str, number: int, expected: Revision | None
) -> None:
    """Remove a user's metadata. Raises as `set_metadata`; also UnknownResource if it is absent."""
    _require_user(number)

    def decide(resource: Resource) -> UserState:
        old = resource.user.metadata.get(number)
        if old is None:
            raise UnknownResource("")
        _check(archive, old, expected)
        return replace(resource.user, metadata=_without(resource.user.metadata, number))

    change_kept(archive, OrthancId(identifier), decide)


def _require_user(number: int) -> None:
    if not is_user_metadata(number):
        raise ReadOnlyItem("")


def _check(archive: Archive, old: UserMetadata | None, expected: Revision | None) -> None:
    current = None if old is None else _revision(old)
    check_revision(current, expected, is_required=archive.configuration.check_revisions)


def _revision(metadata: UserMetadata) -> Revision:
    return Revision(metadata.revision, metadata.md5)


def _without(metadata: Mapping[int, UserMetadata], number: int) -> dict[int, UserMetadata]:
    return {n: one for n, one in metadata.items() if n != number}


def _md5(value: bytes) -> str:
    return hashlib.md5(value, usedforsecurity=False).hexdigest()
