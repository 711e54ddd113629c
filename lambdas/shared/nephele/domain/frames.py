"""Where the frames of an image are in its file, read one at a time."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from nephele.domain.elements import DataSet, read_elements
from nephele.domain.explicit_vr import UNDEFINED_LENGTH
from nephele.domain.fragments import EXTENDED_OFFSETS, Fragments
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


class FrameReader:
    """Reads the frames of one image; where they are is found out once.

    Attributes
    ----------
    end_offset : int
        Where the value of the pixel data ends: for encapsulated ones, at the delimiter.
    """

    def __init__(self, image: Image) -> None:
        self._image = image
        self._is_swapped = not image.syntax.is_little_endian and image.pixel_data_vr == "OW"
        self._fragments: Fragments | None = None
        if image.is_encapsulated:
            extended = image.elements.get(EXTENDED_OFFSETS)
            self._fragments = Fragments(
                image.file,
                image.value_offset,
                image.description.number_of_frames,
                b"" if extended is None else bytes(extended.value),
                image.syntax.uid,
            )
        else:
            stop = image.file.seek(0, os.SEEK_END)
            self._value_size = min(image.value_size, max(stop - image.value_offset, 0))

    @property
    def end_offset(self) -> int:  # noqa: D102
        if self._fragments is not None:
            return self._fragments.find_end()
        return self._image.value_offset + self._value_size

    def read(self, frame: int, maximum_bytes: int | None = None) -> bytes:
        """Return the encoded bytes of a frame, counted from 0.

        Native samples of 8 bits and less are in the order of little endian, and a frame that
        begins within a byte (1 bit allocated) is shifted to begin with one.

        Parameters
        ----------
        maximum_bytes : int, optional
            Of the code stream; the size of native frames follows from Rows and Columns.

        Raises
        ------
        InexistentItem
            There is no such frame.
        UnsupportedImage
            Where it is cannot be told, it is not whole, or too large.
        """
        description = self._image.description
        if not 0 <= frame < description.number_of_frames:
            raise InexistentItem(f"there is no frame {frame}")
        if self._fragments is not None:
            return self._fragments.read_frame(frame, maximum_bytes)
        bits = description.native_frame_bits
        start, stop = frame * bits // 8, ((frame + 1) * bits + 7) // 8
        if self._is_swapped and description.bits_allocated <= 8:
            words = self._read_native(start - start % 2, stop + stop % 2)
            encoded = _swap_words(words)[start % 2 :][: stop - start]
        else:
            encoded = self._read_native(start, stop)
        if frame * bits % 8:
            number = int.from_bytes(encoded, "little") >> frame * bits % 8
            return number.to_bytes(len(encoded), "little")
        return encoded

    def _read_native(self, start: int, stop: int) -> bytes:
        if stop > self._value_size:
            raise UnsupportedImage("PixelData (7fe0,0010) is shorter than its frames")
        self._image.file.seek(self._image.value_offset + start)
        return self._image.file.read(stop - start)


def read_frame(image: Image, frame: int) -> bytes:
    """Return the encoded bytes of one frame, as `FrameReader.read`."""
    return FrameReader(image).read(frame)


def _swap_words(words: bytes) -> bytes:
    """Return big endian words as little endian ones. See PS3.5 8.1.1."""
    swapped = bytearray(words)
    swapped[0::2], swapped[1::2] = words[1::2], words[0::2]
    return bytes(swapped)
