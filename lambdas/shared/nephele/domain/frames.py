"""Where the frames of an image are in its file, read one at a time."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

from nephele.domain.elements import DataSet, read_elements
from nephele.domain.explicit_vr import UNDEFINED_LENGTH
from nephele.domain.inflate import MAXIMUM_INFLATED_BYTES, InflatingReader
from nephele.domain.part10 import read_file_meta
from nephele.domain.pixel_description import PixelDescription, describe_pixels
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    TransferSyntax,
    transfer_syntax,
)
from nephele.domain.walk import walk_data_set
from nephele.errors import BadFileFormat, InexistentItem, UnsupportedImage

_EXTENDED_OFFSETS = 0x7FE00001
_ITEM = b"\xfe\xff\x00\xe0"
_START_MARKERS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\x0a", b"\0\0\0\x0cJXL ")


@dataclass(frozen=True, slots=True)
class Image:
    """An image file with its pixels left where they are.

    Attributes
    ----------
    elements : DataSet
        What is in front of the pixel data.
    syntax : TransferSyntax
        Of the data set; of a deflated one, that of the inflated bytes.
    pixel_data_vr : str
        As written, `"OW"` in Implicit VR.
    value_offset, value_size : int
        Where the pixel data's value is; its size is `UNDEFINED_LENGTH` where encapsulated.
    """

    file: BinaryIO
    elements: DataSet
    description: PixelDescription
    syntax: TransferSyntax
    pixel_data_vr: str
    value_offset: int
    value_size: int

    @property
    def is_encapsulated(self) -> bool:
        """Tell whether the pixel data are fragments, whatever the syntax says."""
        return self.value_size == UNDEFINED_LENGTH


def open_image(file: BinaryIO) -> Image:
    """Open a DICOM file from its first byte; only its header is read.

    Raises
    ------
    BadFileFormat
        It is not a DICOM file, or damaged.
    UnsupportedImage
        It has no pixel data, or what describes them makes no sense.
    """
    file.seek(0)
    meta = read_file_meta(file)
    syntax, start = transfer_syntax(meta.transfer_syntax_uid), meta.data_set_offset
    if syntax.is_deflated:
        file = io.BytesIO(InflatingReader(file).read(MAXIMUM_INFLATED_BYTES))
        syntax, start = transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN), 0
    walk = walk_data_set(file, syntax.uid, frozenset(), stop_at_pixel_data=True)
    if walk.pixel_data_offset is None:
        raise UnsupportedImage("there is no PixelData (7fe0,0010)")
    file.seek(start)
    elements = read_elements(file.read(walk.pixel_data_offset - start), syntax)
    description = describe_pixels(elements, is_little_endian=syntax.is_little_endian)
    value, size = _value(file, syntax, walk.pixel_data_offset)
    vr = walk.pixel_data_vr or "OW"
    return Image(file, elements, description, syntax, vr, value, size)


def _value(file: BinaryIO, syntax: TransferSyntax, offset: int) -> tuple[int, int]:
    order = "<" if syntax.is_little_endian else ">"
    file.seek(offset)
    header = file.read(12)
    at = 4 if syntax.is_implicit_vr else 8
    if len(header) < at + 4:
        raise BadFileFormat("the file ends within the pixel data")
    return offset + at + 4, struct.unpack_from(f"{order}I", header, at)[0]


def read_frame(image: Image, frame: int) -> bytes:
    """Return the encoded bytes of a frame, counted from 0.

    Native samples of 8 bits and less are in the order of little endian, and a frame that begins
    within a byte (1 bit allocated) is shifted to begin with one.

    Raises
    ------
    InexistentItem
        There is no such frame.
    UnsupportedImage
        Where it is cannot be told, or it is not whole.
    """
    if not 0 <= frame < image.description.number_of_frames:
        raise InexistentItem(f"there is no frame {frame}")
    if image.is_encapsulated:
        return _read_encapsulated(image, frame)
    bits = image.description.native_frame_bits
    start, stop = frame * bits // 8, ((frame + 1) * bits + 7) // 8
    is_swapped = not image.syntax.is_little_endian and image.pixel_data_vr == "OW"
    if is_swapped and image.description.bits_allocated <= 8:
        words = _read_native(image, start - start % 2, stop + stop % 2)
        encoded = _swap_words(words)[start % 2 :][: stop - start]
    else:
        encoded = _read_native(image, start, stop)
    if frame * bits % 8:
        number = int.from_bytes(encoded, "little") >> frame * bits % 8
        return number.to_bytes(len(encoded), "little")
    return encoded


def _read_native(image: Image, start: int, stop: int) -> bytes:
    image.file.seek(image.value_offset + start)
    encoded = image.file.read(min(stop, image.value_size) - start)
    if len(encoded) < stop - start:
        raise UnsupportedImage("PixelData (7fe0,0010) is shorter than its frames")
    return encoded


def _swap_words(words: bytes) -> bytes:
    """Return big endian words as little endian ones. See PS3.5 8.1.1."""
    swapped = bytearray(words)
    swapped[0::2], swapped[1::2] = words[1::2], words[0::2]
    return bytes(swapped)


def _read_encapsulated(image: Image, frame: int) -> bytes:
    offsets, start = _offset_table(image)
    count = image.description.number_of_frames
    if count == 1:
        return b"".join(_read_fragments(image.file, start, None))
    if len(offsets) >= count:
        stop = start + offsets[frame + 1] if frame + 1 < len(offsets) else None
        return b"".join(_read_fragments(image.file, start + offsets[frame], stop))
    fragments = _index_fragments(image.file, start)
    if len(fragments) != count:
        fragments = _join_by_markers(image.file, fragments)
    if len(fragments) != count:
        raise UnsupportedImage("the fragments do not tell where the frames begin")
    offset, size = fragments[frame]
    return b"".join(_read_fragments(image.file, offset, offset + size))


def _offset_table(image: Image) -> tuple[tuple[int, ...], int]:
    """Return the offsets of frames, from the first fragment's item, and where that is."""
    size = _item_size(image.file, image.value_offset)
    if size is None:
        raise UnsupportedImage("PixelData (7fe0,0010) has no offset table")
    table = image.file.read(size)
    start = image.value_offset + 8 + size
    extended = image.elements.get(_EXTENDED_OFFSETS)
    if extended is not None and len(extended.value) >= 8:
        return struct.unpack_from(f"<{len(extended.value) // 8}Q", extended.value), start
    return struct.unpack_from(f"<{len(table) // 4}I", table), start


def _item_size(file: BinaryIO, offset: int) -> int | None:
    """Return the size of the item at an offset and stand at its value, None if there is none."""
    file.seek(offset)
    header = file.read(8)
    if len(header) < 8 or header[:4] != _ITEM:
        return None
    size: int = struct.unpack_from("<I", header, 4)[0]
    return size


def _read_fragments(file: BinaryIO, start: int, stop: int | None) -> list[bytes]:
    """Return the fragments of the items from an offset up to another one, or to the last."""
    fragments = []
    while stop is None or start < stop:
        if (size := _item_size(file, start)) is None:
            break
        fragments.append(file.read(size))
        start += 8 + size
    return fragments


def _index_fragments(file: BinaryIO, start: int) -> list[tuple[int, int]]:
    """Return the offset and size, with its header, of every fragment's item."""
    fragments = []
    while (size := _item_size(file, start)) is not None:
        fragments.append((start, 8 + size))
        start += 8 + size
    return fragments


def _join_by_markers(file: BinaryIO, fragments: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join fragments into frames: a new one begins with the marker that starts a code stream."""
    frames: list[tuple[int, int]] = []
    for offset, size in fragments:
        file.seek(offset + 8)
        if not frames or file.read(8).startswith(_START_MARKERS):
            frames.append((offset, size))
        else:
            frames[-1] = (frames[-1][0], frames[-1][1] + size)
    return frames
