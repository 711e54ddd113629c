"""The headers of a JPEG 2000 code stream. See ITU-T T.800 annex A."""

from __future__ import annotations

import struct

from nephele.domain.codecs.stream_header import StreamHeader
from nephele.errors import UnsupportedImage

_START_OF_CODE_STREAM = b"\xff\x4f\xff\x51"
_JP2_SIGNATURE = b"\0\0\0\x0cjP  "
_JP2_HEADER_BYTES = 1 << 16
_START_OF_TILE_PART = b"\xff\x90"
_END_OF_CODE_STREAM = b"\xff\xd9"
_LEAST_TILE_PART_BYTES = 14
_CODING_STYLE = 0x52
_COMPONENT_CODING_STYLE = 0x53
_MAXIMUM_TILES = 1 << 14
_HIGH_THROUGHPUT = 0x40
_REVERSIBLE = 1


def read_jpeg_2000_header(encoded: bytes) -> StreamHeader | None:
    """Read a SIZ marker segment, None where there is none or it makes no sense."""
    start = _code_stream_start(encoded)
    if start is None or len(encoded) < start + 45:
        return None
    right, bottom, left, top, width, height, tiles_left, tiles_top, components, depth = (
        struct.unpack_from(">8IHB", encoded, start + 8)
    )
    if width == 0 or height == 0 or right <= left or bottom <= top:
        return None
    tiles = -((tiles_left - right) // width) * -((tiles_top - bottom) // height)
    if tiles > _MAXIMUM_TILES:
        raise UnsupportedImage("the code stream has too many tiles")
    precision, is_signed = (depth & 0x7F) + 1, bool(depth & 0x80)
    return StreamHeader(bottom - top, right - left, components, precision, is_signed=is_signed)


def is_reversible_high_throughput(encoded: bytes) -> bool:
    """Tell whether a stream has the blocks of Part 15 and the reversible wavelet.

    A stream whose components or tiles differ is taken for another one. See A.6.1.
    """
    position = 2
    while encoded[position : position + 2] != _START_OF_TILE_PART and position + 14 <= len(encoded):
        marker = encoded[position + 1]
        if marker == _COMPONENT_CODING_STYLE:
            return False
        if marker == _CODING_STYLE:
            style, transform = encoded[position + 12], encoded[position + 13]
            return bool(style & _HIGH_THROUGHPUT) and transform == _REVERSIBLE
        position += 2 + int.from_bytes(encoded[position + 2 : position + 4])
    return False


def has_whole_tile_parts(encoded: bytes) -> bool:
    """Tell whether tile-parts follow each other up to the end marker, as their lengths say.

    What lacks some bytes anywhere does not. See A.4.2.
    """
    position = 2
    while (marker := encoded[position : position + 2]) != _START_OF_TILE_PART:
        if len(marker) < 2 or marker[0] != 0xFF:
            return False
        position += 2 + int.from_bytes(encoded[position + 2 : position + 4])
    while encoded[position : position + 2] == _START_OF_TILE_PART:
        size = int.from_bytes(encoded[position + 6 : position + 10])
        if size < _LEAST_TILE_PART_BYTES:
            return False
        position += size
    return encoded[position : position + 2] == _END_OF_CODE_STREAM


def _code_stream_start(encoded: bytes) -> int | None:
    """Return where a JPEG 2000 code stream begins: some writers put a JP2 file into a frame."""
    if encoded.startswith(_START_OF_CODE_STREAM):
        return 0
    if encoded.startswith(_JP2_SIGNATURE):
        start = encoded.find(_START_OF_CODE_STREAM, 0, _JP2_HEADER_BYTES)
        return None if start < 0 else start
    return None
