"""Compressing members: each by itself, large ones in pieces that fit behind each other."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from nephele.domain.zip_file.records import Method

_LEVEL = 6
"""Orthanc's; libdeflate reaches the sizes of zlib's level 6 several times as fast."""
_PIECE_LEVEL = 1
"""Pieces are made by zlib, whose streams can be cut; its higher levels are slow."""
PACKING = f"{_LEVEL} {_PIECE_LEVEL}"
"""Names the way members are packed: with another one a member gives other bytes."""
_EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
"""A stored block without data, not the last one: it may stand at any byte between blocks."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A piece of a member as it stands in the file."""

    method: Method
    crc: int
    raw_bytes: int
    data: bytes


def pack_whole(data: bytes, *, is_compressible: bool) -> Packed:
    """Pack a whole member; what does not become smaller is stored."""
    crc = zlib.crc32(data)
    if is_compressible:
        deflated = _deflated(data)
        if len(deflated) < len(data):
            return Packed(Method.DEFLATED, crc, len(data), deflated)
    return Packed(Method.STORED, crc, len(data), data)


def pack_piece(data: bytes, *, is_compressible: bool, is_last: bool) -> Packed:
    """Pack a piece of a member whose other pieces are packed in the same way."""
    crc = zlib.crc32(data)
    if not is_compressible:
        return Packed(Method.STORED, crc, len(data), data)
    deflater = zlib.compressobj(_PIECE_LEVEL, wbits=-zlib.MAX_WBITS)
    head = deflater.compress(data)
    tail = deflater.flush(zlib.Z_FINISH if is_last else zlib.Z_FULL_FLUSH)
    return Packed(Method.DEFLATED, crc, len(data), head + tail)


def padded(packed: Packed, missing_bytes: int) -> Packed:
    """Return a packed piece that is longer by at least so many bytes, with the same content.

    Blocks without data stand in front of it; a stored whole member is deflated for that.
    """
    deflated = packed.data if packed.method is Method.DEFLATED else _deflated(packed.data)
    missing_bytes += max(0, len(packed.data) - len(deflated))
    padding = _EMPTY_BLOCK * -(-missing_bytes // len(_EMPTY_BLOCK))
    return Packed(Method.DEFLATED, packed.crc, packed.raw_bytes, padding + deflated)


def _deflated(data: bytes) -> bytes:
    from imagecodecs import deflate_encode

    return bytes(deflate_encode(data, level=_LEVEL, raw=True))
