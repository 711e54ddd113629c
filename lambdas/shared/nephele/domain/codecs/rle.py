"""RLE: segments of PackBits, one for each byte of each sample. See PS3.5 annex G."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.code_streams import check_rle_header
from nephele.domain.codecs.native import encode_native, shape_samples
from nephele.domain.codecs.options import CodecOptions
from nephele.domain.pixel_description import PixelDescription
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

MAXIMUM_SEGMENTS = 15
_HEADER_BYTES = 64
_MOST_PADDING = 2
"""Bytes that what pads a segment may decode to."""

_BLOCK = 1 << 15


def decode_rle(description: PixelDescription, encoded: bytes, options: CodecOptions) -> Samples:
    """Decode a frame; its segments are byte planes, the highest byte first."""
    check_rle_header(description, encoded)
    codecs = {"imagecodecs": _by_imagecodecs, "pylibjpeg": _by_pylibjpeg}
    *first, last = options.sort("imagecodecs", "pylibjpeg")
    for name in first:
        try:
            return codecs[name](description, encoded)
        except (RuntimeError, ValueError, UnsupportedImage):
            continue
    return codecs[last](description, encoded)


def encode_rle(samples: Samples, description: PixelDescription, options: CodecOptions) -> bytes:
    """Encode a frame, each row by itself, segments of an even length."""
    if options.sort("imagecodecs", "pylibjpeg")[0] == "pylibjpeg":
        return _encode_by_pylibjpeg(samples, description)
    import imagecodecs
    import numpy as np

    little = np.ascontiguousarray(samples, np.dtype(description.dtype).newbyteorder("<"))
    width = little.dtype.itemsize
    planes = little.view("u1").reshape(description.rows, description.columns, -1, width)
    segments = []
    for sample in range(planes.shape[2]):
        for byte in reversed(range(width)):
            plane = np.ascontiguousarray(planes[:, :, sample, byte])
            segment = bytes(imagecodecs.packbits_encode(plane, axis=-1))
            segments.append(segment if len(segment) % 2 == 0 else segment + b"\0")
    return b"".join((_header(segments), *segments))


def _bounds(encoded: bytes) -> list[int]:
    """Return where segments begin, and where the last one ends."""
    count, *offsets = struct.unpack_from("<16I", encoded)
    return [*offsets[:count], len(encoded)]


def _header(segments: list[bytes]) -> bytes:
    offsets, position = [0] * MAXIMUM_SEGMENTS, _HEADER_BYTES
    for index, segment in enumerate(segments):
        offsets[index] = position
        position += len(segment)
    return struct.pack("<16I", len(segments), *offsets)


def _by_imagecodecs(description: PixelDescription, encoded: bytes) -> Samples:
    return _interleaved(_planes(description, encoded), description)


def _planes(description: PixelDescription, encoded: bytes) -> list[Samples]:
    """Decode each segment for itself, UnsupportedImage if one is too short or too long."""
    import imagecodecs
    import numpy as np

    pixels = description.rows * description.columns
    planes = []
    for start, stop in pairwise(_bounds(encoded)):
        # What does not fit is cut off by the decoder, so there is room to notice it.
        room = memoryview(np.empty(pixels + _MOST_PADDING + 1, "u1"))
        plane = imagecodecs.packbits_decode(memoryview(encoded)[start:stop], out=room)
        if not pixels <= len(plane) <= pixels + _MOST_PADDING:
            raise UnsupportedImage("an RLE segment does not hold Rows times Columns bytes")
        planes.append(np.frombuffer(plane, "u1"))
    return planes


def _interleaved(planes: list[Samples], description: PixelDescription) -> Samples:
    """Put byte planes together to samples, in blocks that stay in the processor's cache."""
    import numpy as np

    rows, columns, samples = description.rows, description.columns, description.samples_per_pixel
    dtype = np.dtype(description.dtype).newbyteorder("<")
    whole = np.empty((rows, columns, samples) if samples > 1 else (rows, columns), dtype)
    parts = whole.view("u1").reshape(rows * columns, samples * dtype.itemsize)
    for start in range(0, len(parts), _BLOCK):
        block = parts[start : start + _BLOCK]
        for index, plane in enumerate(planes):
            sample, byte = divmod(index, dtype.itemsize)
            position = sample * dtype.itemsize + dtype.itemsize - 1 - byte
            block[:, position] = plane[start : start + len(block)]
    return whole.astype(description.dtype, copy=False)


def _by_pylibjpeg(description: PixelDescription, encoded: bytes) -> Samples:
    import numpy as np
    from rle.rle import decode_frame

    # It does not notice what is missing, and panics where there is too much.
    planes = _planes(description, encoded)
    pixels = description.rows * description.columns
    if any(len(plane) != pixels for plane in planes):
        return _interleaved(planes, description)
    dtype = np.dtype(description.dtype).newbyteorder("<")
    decoded = bytes(decode_frame(encoded, pixels, dtype.itemsize * 8, "<"))
    flat = np.frombuffer(decoded, dtype).astype(description.dtype, copy=False)
    return shape_samples(flat, description, is_planar=True)


def _encode_by_pylibjpeg(samples: Samples, description: PixelDescription) -> bytes:
    from rle.utils import encode_pixel_data

    encoded: bytes = encode_pixel_data(
        bytes(encode_native(samples, description)),
        byteorder="<",
        rows=description.rows,
        columns=description.columns,
        samples_per_pixel=description.samples_per_pixel,
        bits_allocated=description.bits_allocated,
    )
    return encoded
