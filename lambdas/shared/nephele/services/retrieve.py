"""Reading instances: their files and their tags."""

from __future__ import annotations

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.dicom_json import Json, TagFormat, header_json, read_data_set, tags_json
from nephele.domain.resources import Resource, StoredFile
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.content import behind_pixel_data, encoded_whole, is_floating_point
from nephele.services.overrides import in_force

_NOTHING_LIFTED: frozenset[int] = frozenset()
_BITS_ALLOCATED = 0x00280100
_FLOAT_PIXEL_DATA = 0x7FE00008
_DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009
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
    encoded = (encoded_whole if is_whole else _encoded_header)(archive, instance)
    return tags_json(
        encoded,
        tag_format,
        default_encoding=lambda: in_force(archive).default_encoding,
        ignore_length=ignore_length,
        pixel_data=pixel_data_tag(instance, encoded),
        only=only,
        is_whole=is_whole,
        behind_pixel_data=behind_pixel_data(archive, instance) if is_whole else b"",
    )


def pixel_data_tag(instance: Resource, encoded: bytes) -> int | None:
    """Return the tag of the pixel data behind an encoded header, None where there are none.

    Those of floating point have 32 or 64 bits.
    """
    if "PixelDataOffset" in instance.metadata:
        return PIXEL_DATA
    if not is_floating_point(instance, encoded):
        return None
    bits_allocated = read_data_set(encoded)[0].get(_BITS_ALLOCATED)
    is_double = bits_allocated is not None and 64 in bytes(bits_allocated.value)
    return _DOUBLE_FLOAT_PIXEL_DATA if is_double else _FLOAT_PIXEL_DATA


def _encoded_header(archive: Archive, instance: Resource) -> bytes:
    return archive.index.header(instance, archive.bucket)


def meta_information(archive: Archive, instance: Resource, tag_format: TagFormat) -> Json:
    """Return the file meta information (group 0002) of an instance."""
    return header_json(_encoded_header(archive, instance), tag_format)


def number_of_frames(instance: Resource) -> int:
    """Return how many frames an instance has; one where it does not say."""
    text = instance.main_tags.get(_NUMBER_OF_FRAMES, "").strip()
    return max(1, int(text)) if text.isascii() and text.isdecimal() else 1
