"""Writing PNG images of 8-bit samples. See the PNG specification, sections 5 and 11."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {1: 0, 3: 2}
_SUB = 1


def encode_png(samples: NDArray[Any]) -> bytes:
    """Encode samples of shape `(rows, columns)` or `(rows, columns, 3)`, of type uint8."""
    import numpy as np

    depth = 1 if samples.ndim == 2 else samples.shape[2]
    rows, columns = samples.shape[:2]
    lines = np.empty((rows, 1 + columns * depth), np.uint8)
    lines[:, 0] = _SUB
    flat = samples.reshape(rows, columns * depth)
    lines[:, 1 : 1 + depth] = flat[:, :depth]
    np.subtract(flat[:, depth:], flat[:, :-depth], out=lines[:, 1 + depth :])
    header = struct.pack(">IIBBBBB", columns, rows, 8, _COLOR_TYPES[depth], 0, 0, 0)
    deflater = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    data = deflater.compress(lines) + deflater.flush()
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
