"""What a compressed frame says of itself, looked at before a codec is trusted with it.

Codecs take memory for whatever size a damaged or hostile stream claims, take the end of a truncated
one for granted, or crash.
"""

from __future__ import annotations

import struct
from itertools import pairwise

from nephele.domain.codecs.jpeg_2000_header import read_jpeg_2000_header
from nephele.domain.codecs.jpeg_xl_header import is_jpeg_xl, read_jpeg_xl_header
from nephele.domain.codecs.options import CodecOptions
from nephele.domain.codecs.stream_header import StreamHeader
from nephele.domain.pixel_description import PixelDescription
from nephele.errors import UnsupportedImage

_RLE_HEADER_BYTES = 64
_MOST_RLE_BYTES = 64
"""What one encoded byte of PackBits can become, at most."""

_START_OF_IMAGE = b"\xff\xd8"
_END_OF_STREAM = b"\xff\xd9"
_END_BYTES = 16
"""How far from its end, at most, a frame's end marker is; the rest is padding."""

_START_OF_SCAN = 0xDA
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""SOF markers of JPEG and JPEG-LS, without DHT, JPG and DAC."""

_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def check_frame_size(description: PixelDescription, options: CodecOptions) -> None:
    """Raise UnsupportedImage if a decoded frame is larger than is allowed."""
    size = description.samples_per_frame * max(description.bits_allocated // 8, 1)
    if size > options.maximum_frame_bytes:
        raise UnsupportedImage(
            f"Rows (0028,0010) and Columns (0028,0011) make frames of {size} bytes, "
            f"and {options.maximum_frame_bytes} are allowed"
        )


def check_header(description: PixelDescription, encoded: bytes) -> StreamHeader:
    """Return what a code stream says of itself.

    Raises
    ------
    UnsupportedImage
        It says nothing, or not what the Image Pixel module says.
    """
    header = read_header(encoded)
    if header is None:
        raise UnsupportedImage("the frame does not begin with a code stream")
    if (header.rows, header.columns) != (description.rows, description.columns):
        raise UnsupportedImage("the code stream's size is not that of Rows and Columns")
    if header.components not in (None, description.samples_per_pixel):
        raise UnsupportedImage("the code stream has not SamplesPerPixel (0028,0002) components")
    if header.precision > description.bits_allocated:
        raise UnsupportedImage("the code stream has more bits than BitsAllocated (0028,0100)")
    is_shifted = description.high_bit != description.bits_stored - 1
    if is_shifted and header.precision <= description.high_bit:
        raise UnsupportedImage("the code stream does not reach up to HighBit (0028,0102)")
    return header


def check_end(encoded: bytes) -> None:
    """Raise UnsupportedImage if a JPEG, JPEG-LS or JPEG 2000 stream lacks its end.

    The one codec would not notice, the other take seconds to.
    """
    if not has_end(encoded):
        raise UnsupportedImage("the frame's code stream is truncated")


def has_end(encoded: bytes) -> bool:
    """Tell whether the end marker stands where the frame ends."""
    return _END_OF_STREAM in encoded[-_END_BYTES:]


def check_rle_header(description: PixelDescription, encoded: bytes) -> None:
    """Raise UnsupportedImage unless the RLE segments lie within the frame. See PS3.5 G.5."""
    if len(encoded) < _RLE_HEADER_BYTES:
        raise UnsupportedImage("the frame is shorter than an RLE header")
    count, *offsets = struct.unpack_from("<16I", encoded)
    if count != description.samples_per_pixel * max(description.bits_allocated, 8) // 8:
        raise UnsupportedImage("the frame has another number of RLE segments than its samples")
    if len(offsets) < count or offsets[0] < _RLE_HEADER_BYTES:
        raise UnsupportedImage("the RLE segments do not lie within the frame")
    bounds = [*offsets[:count], len(encoded)]
    if bounds != sorted(bounds):
        raise UnsupportedImage("the RLE segments do not lie within the frame")
    pixels = description.rows * description.columns
    if any((stop - start) * _MOST_RLE_BYTES < pixels for start, stop in pairwise(bounds)):
        raise UnsupportedImage("an RLE segment is too short for Rows and Columns")


def read_header(encoded: bytes) -> StreamHeader | None:
    """Read the header of a code stream, None where there is none."""
    if is_jpeg_xl(encoded):
        return read_jpeg_xl_header(encoded)
    if encoded.startswith(_START_OF_IMAGE):
        return _read_jpeg(encoded)
    return read_jpeg_2000_header(encoded)


def _read_jpeg(encoded: bytes) -> StreamHeader | None:
    """Read a JPEG or JPEG-LS frame header. See ITU-T T.81 B.2.2."""
    position = 2
    while 0 <= (position := encoded.find(b"\xff", position)) <= len(encoded) - 10:
        marker = encoded[position + 1]
        if marker in _FRAME_HEADERS:
            precision, rows, columns, components = struct.unpack_from(
                ">BHHB", encoded, position + 4
            )
            return StreamHeader(rows, columns, components, precision, marker=marker)
        if marker == _START_OF_SCAN:
            break
        if marker == 0xFF:
            position += 1
        elif marker in _WITHOUT_LENGTH or marker == 0:
            position += 2
        else:
            position += 2 + int.from_bytes(encoded[position + 2 : position + 4])
    return None
