"""Compressed pixel data inside sequences: icons, mostly.

They are compressed in the syntax of the whole file, so they cannot stay when that changes. They
become native, which any syntax allows there. See PS3.5 A.4.
"""

from __future__ import annotations

import io
from dataclasses import replace

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.codecs.options import CodecOptions
from nephele.domain.elements import DataSet, Element
from nephele.domain.explicit_vr import UNDEFINED_LENGTH
from nephele.domain.fragments import EXTENDED_LENGTHS, EXTENDED_OFFSETS
from nephele.domain.frames import FrameReader, Image
from nephele.domain.pixel_description import describe_pixels
from nephele.domain.transcoding.frame_work import decode, native_bytes
from nephele.domain.transcoding.pixel_module import description_changes
from nephele.domain.transcoding.writing import item_header
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import NotTranscodable, UnsupportedImage

_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"


def decompressed_sequences(
    elements: DataSet, syntax: TransferSyntax, options: CodecOptions
) -> list[Element]:
    """Return the sequences that hold compressed pixel data, decompressed; empty if none does.

    Raises
    ------
    NotTranscodable
        Such pixel data cannot be decoded; the message names the sequence.
    """
    changed = []
    for element in elements.values():
        if element.items is None:
            continue
        try:
            items = tuple(_decompressed_item(item, syntax, options) for item in element.items)
        except UnsupportedImage as exc:
            tag = f"{element.tag >> 16:04x},{element.tag & 0xFFFF:04x}"
            raise NotTranscodable(f"PixelData (7fe0,0010) in sequence ({tag}): {exc}") from exc
        if any(one is not other for one, other in zip(items, element.items, strict=True)):
            changed.append(replace(element, items=items))
    return changed


def _decompressed_item(item: DataSet, syntax: TransferSyntax, options: CodecOptions) -> DataSet:
    """Return an item with native pixel data; the very same one if nothing in it is compressed."""
    changes = {element.tag: element for element in decompressed_sequences(item, syntax, options)}
    pixel_data = item.get(PIXEL_DATA)
    if pixel_data is not None and pixel_data.fragments is not None:
        changes |= _decompressed_pixels(item, pixel_data.fragments, syntax, options)
        kept = {tag: item[tag] for tag in item if tag not in (EXTENDED_OFFSETS, EXTENDED_LENGTHS)}
        return kept | changes
    return item | changes if changes else item


def _decompressed_pixels(
    item: DataSet,
    fragments: tuple[memoryview, ...],
    syntax: TransferSyntax,
    options: CodecOptions,
) -> DataSet:
    encapsulated = b"".join(
        (*(item_header(len(part)) + bytes(part) for part in fragments), _DELIMITER)
    )
    image = Image(
        file=io.BytesIO(encapsulated),
        elements=item,
        description=describe_pixels(item),
        syntax=syntax,
        pixel_data_vr="OB",
        value_offset=0,
        value_size=UNDEFINED_LENGTH,
    )
    reader, frames = FrameReader(image), range(image.description.number_of_frames)
    decoded = [decode(image, reader.read(frame), options) for frame in frames]
    value = b"".join(native_bytes(frame, image.description) for frame in decoded)
    vr = "OW" if image.description.bits_allocated > 8 else "OB"
    photometric = decoded[0].photometric_interpretation
    changes = [
        *description_changes(image, photometric),
        Element(PIXEL_DATA, vr, memoryview(value)),
    ]
    return {element.tag: element for element in changes}
