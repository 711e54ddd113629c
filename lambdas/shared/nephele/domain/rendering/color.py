"""Colours: whatever the samples mean, RGB. See PS3.3 C.7.6.3.1.2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.color import rgb_of_ybr_full
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.rendering.strips import map_strips
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]


def rgb_of(samples: Samples, photometric: str, description: PixelDescription) -> Samples:
    """Return RGB samples, shape `(rows, columns, 3)`, of as many bits as are stored.

    Samples of YBR_FULL become 8 bits.

    Raises
    ------
    UnsupportedImage
        The photometric interpretation is none of RGB and YBR_FULL.
    """
    import numpy as np

    if description.samples_per_pixel != 3:
        raise UnsupportedImage("PhotometricInterpretation (0028,0004) is not known")
    unsigned = np.ascontiguousarray(samples).view(f"u{samples.dtype.itemsize}")
    if photometric == "RGB":
        return unsigned
    if photometric != "YBR_FULL":
        raise UnsupportedImage(f"{photometric} is not rendered")
    eight = eight_bits(unsigned, description.bits_stored)
    return map_strips(rgb_of_ybr_full, eight, "u1")


def eight_bits(samples: Samples, bits_stored: int) -> Samples:
    """Return the highest 8 of the bits that are stored."""
    import numpy as np

    if samples.dtype.itemsize == 1:
        return samples
    shift = max(bits_stored - 8, 0)
    return map_strips(lambda rows: (rows >> shift).astype(np.uint8), samples, "u1")
