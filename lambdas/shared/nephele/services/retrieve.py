"""Reading instances: their files and their tags."""

from __future__ import annotations

from nephele.domain.dicom_json import Json, TagFormat, header_json, tags_json
from nephele.domain.resources import Resource, StoredFile
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.content import behind_pixel_data
from nephele.services.overrides import in_force

_NOTHING_LIFTED: frozenset[int] = frozenset()
_NUMBER_OF_FRAMES = "0028,0008"


def file_of(instance: Resource) -> StoredFile:
    """Return the object that holds an instance."""
    if instance.file is None:
        raise UnknownResource("")
    return instance.file


def data_set(
    archive: Archive,
    instance: Resource,
    tag_format: TagFormat,
    ignore_length: frozenset[int] = _NOTHING_LIFTED,
    *,
    only: frozenset[int] | None = None,
    is_whole: bool = False,
) -> Json:
    """Return all tags of an instance, from the header the index keeps.

    Parameters
    ----------
    ignore_length : frozenset of int
        Tags shown however long they are.
    only : frozenset of int, optional
        Show these tags alone.
    is_whole : bool
        Show what stands behind the pixel data too; that alone reads the object.
    """
    return tags_json(
        archive.index.header(instance, archive.bucket),
        tag_format,
        default_encoding=lambda: in_force(archive).default_encoding,
        ignore_length=ignore_length,
        has_pixel_data="PixelDataOffset" in instance.metadata,
        only=only,
        behind_pixel_data=behind_pixel_data(archive, instance) if is_whole else b"",
    )


def meta_information(archive: Archive, instance: Resource, tag_format: TagFormat) -> Json:
    """Return the file meta information (group 0002) of an instance."""
    return header_json(archive.index.header(instance, archive.bucket), tag_format)


def number_of_frames(instance: Resource) -> int:
    """Return how many frames an instance has; one where it does not say."""
    text = instance.main_tags.get(_NUMBER_OF_FRAMES, "").strip()
    return max(1, int(text)) if text.isascii() and text.isdecimal() else 1
