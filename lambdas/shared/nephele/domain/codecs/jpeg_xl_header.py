"""The header of a JPEG XL code stream. See ISO/IEC 18181-1 annex D (size, metadata) and 18181-2."""

from __future__ import annotations

import struct

from nephele.domain.codecs.stream_header import StreamHeader
from nephele.errors import UnsupportedImage

_BARE = b"\xff\x0a"
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_HEADER_BYTES = 64
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZES = ((9, 1), (13, 1), (18, 1), (30, 1))
_DEPTHS = ((0, 8), (0, 10), (0, 12), (6, 1))
_EXTRA_CHANNELS = ((0, 0), (0, 1), (4, 2), (12, 1))


def is_jpeg_xl(encoded: bytes) -> bool:
    """Tell whether a frame is a JPEG XL code stream, bare or in boxes."""
    return encoded.startswith((_BARE, _CONTAINER))


def read_jpeg_xl_header(encoded: bytes) -> StreamHeader:
    """Read size and depth; the number of colour channels is not told.

    Raises
    ------
    UnsupportedImage
        The header is damaged, or that of something else than one still image.
    """
    stream = _code_stream(encoded)
    if not stream.startswith(_BARE):
        raise UnsupportedImage("the JPEG XL frame has no code stream")
    bits = _Bits(stream[len(_BARE) :])
    rows, columns = _size(bits)
    return StreamHeader(rows, columns, None, _depth(bits))


class _Bits:
    """Reads bits, the least significant of each byte first."""

    def __init__(self, encoded: bytes) -> None:
        self._value = int.from_bytes(encoded, "little")

    def read(self, count: int) -> int:
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def choose(self, choices: tuple[tuple[int, int], ...]) -> int:
        """Read a number of one of four widths, each with its offset."""
        width, offset = choices[self.read(2)]
        return offset + self.read(width)


def _code_stream(encoded: bytes) -> bytes:
    """Return the first bytes of the code stream, out of its box."""
    if encoded.startswith(_BARE):
        return encoded[:_HEADER_BYTES]
    position = len(_CONTAINER)
    while position + 16 <= len(encoded):
        size, kind = struct.unpack_from(">I4s", encoded, position)
        start = 8
        if size == 1:
            size, start = struct.unpack_from(">Q", encoded, position + 8)[0], 16
        if kind in (b"jxlc", b"jxlp"):
            start += position + (4 if kind == b"jxlp" else 0)
            return encoded[start : start + _HEADER_BYTES]
        if size < start:
            break
        position += size
    return b""


def _size(bits: _Bits) -> tuple[int, int]:
    is_small = bits.read(1)
    rows = 8 * (1 + bits.read(5)) if is_small else bits.choose(_SIZES)
    ratio = bits.read(3)
    if ratio:
        numerator, denominator = _RATIOS[ratio - 1]
        return rows, rows * numerator // denominator
    return rows, 8 * (1 + bits.read(5)) if is_small else bits.choose(_SIZES)


def _depth(bits: _Bits) -> int:
    """Read the bits of a sample from the image metadata."""
    if bits.read(1):
        return 8
    if bits.read(1):
        bits.read(3)
        if bits.read(3):
            raise UnsupportedImage("the JPEG XL frame is a preview or an animation")
    if bits.read(1):
        raise UnsupportedImage("the JPEG XL frame has floating point samples")
    precision = bits.choose(_DEPTHS)
    bits.read(1)
    if bits.choose(_EXTRA_CHANNELS):
        raise UnsupportedImage("the JPEG XL frame has more than its colour channels")
    return precision
