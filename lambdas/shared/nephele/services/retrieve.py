"""Reading instances: their tags, and pictures of them."""

from __future__ import annotations

import io

from nephele.domain.dicom_json import Json, TagFormat, header_json, tags_json
from nephele.domain.resources import Resource, StoredFile
from nephele.errors import UnknownResource
from nephele.services.archive import Archive

_NOTHING_LIFTED: frozenset[int] = frozenset()
_NUMBER_OF_FRAMES = "0028,0008"
_READ_WHOLE_BYTES = 4 << 20
"""Objects up to this size are read in one request; of larger ones only a frame is."""


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
) -> Json:
    """Return all tags of an instance, from the header the index keeps.

    `ignore_length` are tags shown however long they are.
    """
    return tags_json(
        archive.index.header(instance, archive.bucket),
        tag_format,
        default_encoding=archive.configuration.default_encoding,
        ignore_length=ignore_length,
        has_pixel_data="PixelDataOffset" in instance.metadata,
    )


def meta_information(archive: Archive, instance: Resource, tag_format: TagFormat) -> Json:
    """Return the file meta information (group 0002) of an instance."""
    return header_json(archive.index.header(instance, archive.bucket), tag_format)


def number_of_frames(instance: Resource) -> int:
    """Return how many frames an instance has; one where it does not say."""
    text = instance.main_tags.get(_NUMBER_OF_FRAMES, "").strip()
    return max(1, int(text)) if text.isascii() and text.isdecimal() else 1


def preview_frame(archive: Archive, instance: Resource, frame: int) -> bytes:
    """Render a frame as PNG; UnsupportedImage where that cannot be done."""
    from nephele.domain.rendering import preview

    file = file_of(instance)
    if file.size_bytes <= _READ_WHOLE_BYTES:
        return preview(io.BytesIO(archive.bucket.read(file.key)), frame)
    with archive.bucket.object(file.key) as opened:
        return preview(opened, frame)
