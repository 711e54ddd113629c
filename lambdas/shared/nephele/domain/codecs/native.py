"""Frames that are not compressed. See PS3.5 8.1 and annex D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.frame import Frame
from nephele.domain.pixel_description import PixelDescription
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]


def decode_native(
    description: PixelDescription, encoded: bytes, *, is_little_endian: bool
) -> Frame:
    """Decode a native frame; subsampled chrominance is repeated."""
    import numpy as np

    photometric = description.photometric_interpretation
    if description.bits_allocated == 1:
        return Frame(_unpack_bits(description, encoded), photometric)
    dtype = np.dtype(description.dtype).newbyteorder("<" if is_little_endian else ">")
    whole = len(encoded) - len(encoded) % dtype.itemsize
    flat = np.frombuffer(encoded[:whole], dtype).astype(description.dtype, copy=False)
    if description.is_subsampled:
        return Frame(_repeat_chrominance(flat, description), "YBR_FULL")
    return Frame(shape_samples(flat, description, is_planar=description.is_planar), photometric)


def encode_native(samples: Samples, description: PixelDescription) -> memoryview:
    """Encode a frame's samples in Little Endian, colour by pixel; those of one bit are packed.

    What comes out is the samples' own memory where they have that form already.
    """
    import numpy as np

    if description.bits_allocated == 1:
        return np.packbits(samples.ravel(), bitorder="little").data
    dtype = np.dtype(description.dtype).newbyteorder("<")
    return np.ascontiguousarray(samples, dtype).reshape(-1).view("u1").data


def shape_samples(flat: Samples, description: PixelDescription, *, is_planar: bool) -> Samples:
    """Give a frame's samples in a row their shape; what follows them is padding.

    Raises
    ------
    UnsupportedImage
        There are too few of them.
    """
    rows, columns, samples = description.rows, description.columns, description.samples_per_pixel
    if flat.size < description.samples_per_frame:
        raise UnsupportedImage("a frame holds fewer samples than Rows and Columns say")
    flat = flat[: description.samples_per_frame]
    if samples == 1:
        return flat.reshape(rows, columns)
    if is_planar:
        return flat.reshape(samples, rows, columns).transpose(1, 2, 0)
    return flat.reshape(rows, columns, samples)


def _unpack_bits(description: PixelDescription, encoded: bytes) -> Samples:
    import numpy as np

    bits = np.unpackbits(np.frombuffer(encoded, "u1"), bitorder="little")
    return shape_samples(bits.astype(description.dtype, copy=False), description, is_planar=False)


def _repeat_chrominance(flat: Samples, description: PixelDescription) -> Samples:
    """Give each pixel of a YBR_FULL_422 frame its chrominance. See PS3.3 C.7.6.3.1.2."""
    import numpy as np

    rows, columns = description.rows, description.columns
    if columns % 2 or flat.size < rows * columns * 2:
        raise UnsupportedImage("the subsampled frame does not fit its Columns (0028,0011)")
    pairs = flat[: rows * columns * 2].reshape(rows, columns // 2, 4)
    samples = np.empty((rows, columns, 3), flat.dtype)
    samples[:, 0::2, 0], samples[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    samples[..., 1] = pairs[..., 2].repeat(2, axis=1)
    samples[..., 2] = pairs[..., 3].repeat(2, axis=1)
    return samples
