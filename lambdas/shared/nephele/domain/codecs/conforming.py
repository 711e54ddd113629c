"""Making what a codec gives what the Image Pixel module says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.precision import stored_range
from nephele.domain.codecs.stream_header import StreamHeader
from nephele.domain.pixel_description import PixelDescription
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]


def conform(
    samples: Samples, description: PixelDescription, header: StreamHeader, *, is_rounded: bool
) -> Samples:
    """Check a decoded frame's shape and give it the description's type.

    A code stream may say another signedness than PixelRepresentation (0028,0103), which is right
    then: the stored bits are extended by it. A stream of all allocated bits is the samples, bit for
    bit.

    Parameters
    ----------
    is_rounded : bool
        Of a syntax whose decoder knows no BitsStored and gets a little above it: what does is put
        back to its limit.
    """
    import numpy as np

    shape: tuple[int, ...] = (description.rows, description.columns)
    if description.samples_per_pixel > 1:
        shape = (*shape, description.samples_per_pixel)
    if samples.shape != shape:
        raise UnsupportedImage("the code stream's size is not that of Rows and Columns")
    dtype = np.dtype(description.dtype)
    if samples.dtype.kind not in "iu" or samples.dtype.itemsize > dtype.itemsize:
        raise UnsupportedImage("the code stream has more bits than BitsAllocated (0028,0100)")
    if is_rounded and header.precision > description.bits_stored and not description.is_signed:
        samples = np.minimum(samples, stored_range(description)[1])
    if samples.dtype == dtype:
        return samples
    if samples.dtype.kind == dtype.kind:
        return samples.astype(dtype)
    if header.precision >= description.bits_allocated:
        return samples.view(dtype)
    shift = description.bits_allocated - description.bits_stored
    return (samples.astype(dtype) << shift) >> shift
