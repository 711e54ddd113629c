"""What a compressed frame says of itself, looked at before a codec is trusted with it.

Codecs take memory for whatever size a damaged or hostile stream claims, take the end of a truncated
one for granted, or crash.
"""

from __future__ import annotations

import struct

from nephele.domain.pixel_description import PixelDescription
from nephele.errors import UnsupportedImage

_RLE_HEADER_BYTES = 64
_START_OF_IMAGE = b"\xff\xd8"
_END_OF_IMAGE = b"\xff\xd9"
_START_OF_SCAN = 0xDA
_START_OF_CODE_STREAM = b"\xff\x4f\xff\x51"
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""SOF markers of JPEG and JPEG-LS, without DHT, JPG and DAC."""


def check_size(description: PixelDescription, encoded: bytes) -> None:
    """Raise UnsupportedImage if the stream tells a size and it is not that of Rows and Columns."""
    size = _size_of(encoded)
    if size is not None and size != (description.rows, description.columns):
        raise UnsupportedImage("the code stream's size is not that of Rows and Columns")


def check_end(encoded: bytes) -> None:
    """Raise UnsupportedImage if a JPEG or JPEG-LS stream lacks its end.

    The one codec would not notice, the other take seconds to.
    """
    if _END_OF_IMAGE not in encoded[-16:]:
        raise UnsupportedImage("the frame's code stream is truncated")


def check_rle_header(description: PixelDescription, encoded: bytes) -> None:
    """Raise UnsupportedImage unless the RLE segments lie within the frame. See PS3.5 G.5."""
    if len(encoded) < _RLE_HEADER_BYTES:
        raise UnsupportedImage("the frame is shorter than an RLE header")
    count, *offsets = struct.unpack_from("<16I", encoded)
    if count != description.samples_per_pixel * max(description.bits_allocated, 8) // 8:
        raise UnsupportedImage("the frame has another number of RLE segments than its samples")
    bounds = [_RLE_HEADER_BYTES, *offsets[:count], len(encoded)]
    if bounds != sorted(bounds) or len(offsets) < count:
        raise UnsupportedImage("the RLE segments do not lie within the frame")


def _size_of(encoded: bytes) -> tuple[int, int] | None:
    """Return the rows and columns a JPEG, JPEG-LS or JPEG 2000 stream tells, None otherwise."""
    if encoded.startswith(_START_OF_CODE_STREAM) and len(encoded) >= 24:
        right, bottom, left, top = struct.unpack_from(">4I", encoded, 8)
        return bottom - top, right - left
    position = 2 if encoded.startswith(_START_OF_IMAGE) else len(encoded)
    while position + 9 <= len(encoded) and encoded[position] == 0xFF:
        marker = encoded[position + 1]
        if marker in _FRAME_HEADERS:
            rows, columns = struct.unpack_from(">HH", encoded, position + 5)
            return (rows, columns) if rows else None
        if marker == _START_OF_SCAN:
            break
        is_fill = marker == 0xFF
        position += 1 if is_fill else 2 + int.from_bytes(encoded[position + 2 : position + 4])
    return None
