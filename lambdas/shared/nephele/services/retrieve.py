"""Reading instances: their files and their tags."""

from __future__ import annotations

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.content import tag_name
from nephele.domain.dicom_json import Json, TagFormat, header_json, read_data_set, tags_json
from nephele.domain.dicom_json_model import Path, dicom_json_model, tag_key
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
_INLINE_BYTES = 128 << 10
"""Orthanc has all binary values inline; so are here all that a lookup table may hold."""


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


def json_model(archive: Archive, instance: Resource, content: str) -> Json:
    """Return the DICOM JSON Model of an instance, from the header the index keeps.

    Native pixel data are never inline, encapsulated ones left out, as Orthanc has it; what stands
    behind the pixel data is not shown.

    Parameters
    ----------
    content : str
        The instance's `/content`, in front of the paths of `BulkDataURI`.
    """
    encoded = _encoded_header(archive, instance)
    elements, syntax = read_data_set(encoded)

    def bulk_data_uri(path: Path) -> str:
        names = (tag_name(step) if at % 2 == 0 else str(step) for at, step in enumerate(path))
        return "/".join((content, *names))

    model = dicom_json_model(
        elements,
        bulk_data_uri,
        syntax=syntax,
        default_encoding=lambda: in_force(archive).default_encoding,
        inline_bytes=_INLINE_BYTES,
    )
    tag = PIXEL_DATA if PIXEL_DATA in elements else pixel_data_tag(instance, encoded)
    if tag is None or syntax.is_encapsulated:
        return model
    uri = bulk_data_uri((tag, 0) if tag == PIXEL_DATA else (tag,))
    return model | {tag_key(tag): {"vr": _pixel_data_vr(instance, tag), "BulkDataURI": uri}}


def _pixel_data_vr(instance: Resource, tag: int) -> str:
    """Return the VR of native pixel data, OW in Implicit VR. See PS3.5 A.1."""
    if tag != PIXEL_DATA:
        return "OF" if tag == _FLOAT_PIXEL_DATA else "OD"
    return instance.metadata.get("PixelDataVR") or "OW"


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
