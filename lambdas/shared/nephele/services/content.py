"""The bytes of single elements: `/content`, and documents that are encapsulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.content import Content, find_content, path_tag, swap_bytes, tag_name
from nephele.domain.dicom_json import read_data_set
from nephele.domain.elements import DataSet, Element, read_elements
from nephele.domain.explicit_vr import UNDEFINED_LENGTH
from nephele.domain.resources import Resource, StoredFile
from nephele.domain.trailing import fragments, pixel_data_value, read_behind_pixel_data
from nephele.domain.transfer_syntax import TransferSyntax, transfer_syntax
from nephele.errors import FileTooLarge, UnknownResource
from nephele.services.archive import Archive
from nephele.services.plain_files import open_file, read_file

_SOP_CLASS_UID = 0x00080016
_MIME_TYPE = 0x00420012
_DOCUMENT = 0x00420011
_DOCUMENT_LENGTH = 0x00420015
_ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_PDF = "application/pdf"
_FIRST_BEHIND_HEADER = 0x7FE00008
"""Float Pixel Data, the first element a header may be cut in front of."""
_LARGEST_VALUE_BYTES = 512 << 20
"""What is larger does not fit into the memory of a function, twice."""


def content(archive: Archive, instance: Resource, path: Sequence[str]) -> Content | None:
    """Return what a path leads to, None where it leads nowhere.

    Only the pixel data, what stands behind them, and the list of all tags ask for the object.
    See `nephele.domain.content.find_content`; the pixel data are a list of blocks, of which an
    encapsulated image has its offset table and fragments, any other one.
    """
    tag = path_tag(path[0]) if path else None
    encoded = archive.index.header(instance, archive.bucket)
    elements, syntax = read_data_set(encoded)
    if tag == PIXEL_DATA:
        return _pixel_data(archive, instance, elements, path[1:])
    if tag is None or (tag >= _FIRST_BEHIND_HEADER and tag not in elements):
        elements = _whole(archive, instance, encoded)
    found = find_content(elements, path, is_little_endian=syntax.is_little_endian)
    if isinstance(found, list) and not path and _has_pixel_data(instance):
        return sorted({*found, tag_name(PIXEL_DATA)})
    return found


def _whole(archive: Archive, instance: Resource, encoded: bytes) -> DataSet:
    """Return the elements of a header and those behind the pixel data."""
    elements, syntax = read_data_set(_encoded_whole(archive, instance, encoded))
    return elements | read_elements(behind_pixel_data(archive, instance), syntax)


def _header(archive: Archive, instance: Resource) -> tuple[DataSet, TransferSyntax]:
    return read_data_set(archive.index.header(instance, archive.bucket))


def _has_pixel_data(instance: Resource) -> bool:
    return "PixelDataOffset" in instance.metadata


def _open(archive: Archive, instance: Resource) -> tuple[BinaryIO, TransferSyntax, int]:
    """Open the object of an instance with pixel data; return where these begin, too."""
    syntax = transfer_syntax(instance.metadata["TransferSyntax"])
    file = open_file(archive.bucket, _file(instance))
    return file, syntax, int(instance.metadata["PixelDataOffset"])


def _file(instance: Resource) -> StoredFile:
    if instance.file is None:
        raise UnknownResource("")
    return instance.file


def behind_pixel_data(archive: Archive, instance: Resource) -> bytes:
    """Return the encoded elements behind the pixel data, read from the object.

    Empty where the header goes to the end; what is deflated, or floating point, is in
    `encoded_whole`.
    """
    if not _has_pixel_data(instance):
        return b""
    file, syntax, offset = _open(archive, instance)
    with file:
        return read_behind_pixel_data(file, syntax, offset)


def encoded_whole(archive: Archive, instance: Resource) -> bytes:
    """Return what a header and `behind_pixel_data` are parts of: mostly the header itself."""
    return _encoded_whole(archive, instance, archive.index.header(instance, archive.bucket))


def _encoded_whole(archive: Archive, instance: Resource, encoded: bytes) -> bytes:
    """Return a header, or the file where it is deflated or has pixel data of floating point."""
    is_deflated = transfer_syntax(instance.metadata["TransferSyntax"]).is_deflated
    if not is_deflated and not is_floating_point(instance, encoded):
        return encoded
    if instance.file is None or instance.file.size_bytes > _LARGEST_VALUE_BYTES:
        raise FileTooLarge("the file is too large to be read at once: see /file")
    return read_file(archive.bucket, instance.file)


def is_floating_point(instance: Resource, encoded: bytes) -> bool:
    """Tell whether a header was cut in front of Float or Double Float Pixel Data.

    Metadata tell where PixelData are; what else ends the header of a file is one of these.
    """
    if _has_pixel_data(instance) or instance.file is None:
        return False
    is_deflated = transfer_syntax(instance.metadata["TransferSyntax"]).is_deflated
    return not is_deflated and len(encoded) < instance.file.size_bytes


def _pixel_data(
    archive: Archive, instance: Resource, elements: DataSet, path: Sequence[str]
) -> Content | None:
    if not _has_pixel_data(instance):
        return _deflated_pixel_data(archive, instance, path) if PIXEL_DATA in elements else None
    file, syntax, offset = _open(archive, instance)
    with file:
        value, size = pixel_data_value(file, syntax, offset)
        blocks = [(value, size)] if size != UNDEFINED_LENGTH else fragments(file, value)
        block = _choose(len(blocks), path)
        if not isinstance(block, int):
            return block
        position, size = blocks[block]
        if size > _LARGEST_VALUE_BYTES:
            raise FileTooLarge("the pixel data are too large for one answer: see /file")
        file.seek(position)
        encoded = file.read(size)
    is_swapped = not syntax.is_little_endian and instance.metadata.get("PixelDataVR") == "OW"
    return swap_bytes(encoded, 2) if is_swapped else encoded


def _deflated_pixel_data(
    archive: Archive, instance: Resource, path: Sequence[str]
) -> Content | None:
    """Return the pixel data of a deflated data set: all of it has to be inflated."""
    block = _choose(1, path)
    if not isinstance(block, int):
        return block
    elements, _ = read_data_set(read_file(archive.bucket, _file(instance)))
    return bytes(elements[PIXEL_DATA].value)


def _choose(count: int, path: Sequence[str]) -> int | list[str] | None:
    """Return the block a path asks for, the list of them for none, None where there is no such."""
    names = [str(number) for number in range(count)]
    if not path:
        return names
    return int(path[0]) if len(path) == 1 and path[0] in names else None


def encapsulated_pdf(archive: Archive, instance: Resource) -> bytes | None:
    """Return the document of an Encapsulated PDF instance, None where it is none.

    The element has an even length; EncapsulatedDocumentLength (PS3.3 C.24.2) tells whether the
    last byte is padding, and where that is missing, NUL is.
    """
    elements, syntax = _header(archive, instance)
    document = elements.get(_DOCUMENT)
    if document is None or _text(elements, _SOP_CLASS_UID) != _ENCAPSULATED_PDF:
        return None
    if _text(elements, _MIME_TYPE) != _PDF:
        return None
    encoded = bytes(document.value)
    length = _number(elements.get(_DOCUMENT_LENGTH), syntax)
    if length is not None and len(encoded) - 1 <= length <= len(encoded):
        return encoded[:length]
    return encoded.removesuffix(b"\0")


def _text(elements: DataSet, tag: int) -> str:
    element = elements.get(tag)
    return "" if element is None else bytes(element.value).decode("latin-1").strip(" \0")


def _number(element: Element | None, syntax: TransferSyntax) -> int | None:
    if element is None or len(element.value) != 4:
        return None
    return int.from_bytes(element.value, "little" if syntax.is_little_endian else "big")
