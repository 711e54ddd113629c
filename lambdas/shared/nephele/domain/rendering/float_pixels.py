"""Images of floating point: Float and Double Float Pixel Data. See PS3.3 C.7.6.24 and C.7.6.25."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from nephele.domain.elements import DataSet, read_elements
from nephele.domain.frames import Image
from nephele.domain.inflate import MAXIMUM_INFLATED_BYTES, InflatingReader
from nephele.domain.part10 import read_file_meta
from nephele.domain.pixel_description import (
    COLUMNS,
    ROWS,
    PixelDescription,
    number_of_frames,
)
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    TransferSyntax,
    transfer_syntax,
)
from nephele.domain.walk import walk_data_set
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS = {0x7FE00008: ("OF", 32), 0x7FE00009: ("OD", 64)}
"""VR and bits of one sample, by tag."""


def open_float_image(file: BinaryIO) -> Image | None:
    """Open a file whose pixels are floating point, None where it has no such ones.

    Raises
    ------
    BadFileFormat
        It is not a DICOM file, or damaged.
    UnsupportedImage
        It does not say how large its frames are.
    """
    file.seek(0)
    meta = read_file_meta(file)
    syntax, start = transfer_syntax(meta.transfer_syntax_uid), meta.data_set_offset
    if syntax.is_deflated:
        file = io.BytesIO(InflatingReader(file).read(MAXIMUM_INFLATED_BYTES))
        syntax, start = transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN), 0
    walk = walk_data_set(file, syntax.uid, frozenset(), stop_at_pixel_data=True)
    if not walk.has_pixel_data or walk.pixel_data_offset is not None:
        return None
    file.seek(start)
    elements = read_elements(file.read(walk.header_end_offset - start), syntax)
    tag, offset, size = _header(file, syntax, walk.header_end_offset)
    vr, bits = _FLOATS[tag]
    return Image(file, elements, _describe(elements, syntax, bits), syntax, vr, offset, size)


def is_float(image: Image) -> bool:
    """Tell whether the samples of an image are floating point."""
    return image.pixel_data_vr in ("OF", "OD") and not image.is_encapsulated


def decode_float(image: Image, encoded: bytes) -> NDArray[Any]:
    """Return a frame's samples, shape `(rows, columns)`."""
    import numpy as np

    description = image.description
    order = "<" if image.syntax.is_little_endian else ">"
    width = description.bits_allocated // 8
    samples = np.frombuffer(encoded, f"{order}f{width}")
    return samples.astype(f"f{width}").reshape(description.rows, description.columns)


def _header(file: BinaryIO, syntax: TransferSyntax, offset: int) -> tuple[int, int, int]:
    """Return tag, offset and size of the value of an element with a long length."""
    order = "<" if syntax.is_little_endian else ">"
    file.seek(offset)
    header = file.read(12)
    at = 4 if syntax.is_implicit_vr else 8
    if len(header) < at + 4:
        raise UnsupportedImage("the file ends within the pixel data")
    group, element = struct.unpack_from(f"{order}HH", header)
    (size,) = struct.unpack_from(f"{order}I", header, at)
    return group << 16 | element, offset + at + 4, size


def _describe(elements: DataSet, syntax: TransferSyntax, bits: int) -> PixelDescription:
    """Describe the pixels: PS3.3 gives floating point one sample and no BitsStored."""
    order = "<" if syntax.is_little_endian else ">"
    sides = []
    for tag in (ROWS, COLUMNS):
        element = elements.get(tag)
        if element is None or len(element.value) < 2:
            raise UnsupportedImage("Rows (0028,0010) or Columns (0028,0011) is missing")
        sides.append(struct.unpack_from(f"{order}H", element.value)[0])
    if not all(sides):
        raise UnsupportedImage("Rows (0028,0010) or Columns (0028,0011) is 0")
    return PixelDescription(
        rows=sides[0],
        columns=sides[1],
        samples_per_pixel=1,
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        is_signed=True,
        is_planar=False,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=number_of_frames(elements),
    )
