"""How many bits of its allocated ones a frame makes use of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.domain.pixel_description import PixelDescription
from nephele.errors import NotTranscodable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]


def stored_range(description: PixelDescription) -> tuple[int, int]:
    """Return the least and the greatest value that BitsStored (0028,0101) can hold."""
    low = -(1 << description.bits_stored - 1) if description.is_signed else 0
    return low, low + (1 << description.bits_stored) - 1


def holds_stored_bits_only(samples: Samples, description: PixelDescription) -> bool:
    """Tell whether samples are within BitsStored: other bits may hold overlays, or anything."""
    low, high = stored_range(description)
    return int(samples.max()) <= high and (low == 0 or low <= int(samples.min()))


def lossless_precision(samples: Samples, description: PixelDescription) -> int:
    """Return the bits a code stream needs to keep every allocated bit."""
    if holds_stored_bits_only(samples, description):
        return description.bits_stored
    return description.bits_allocated


def lossy_precision(samples: Samples, description: PixelDescription) -> int:
    """Return BitsStored (0028,0101), NotTranscodable where there is something in other bits."""
    if holds_stored_bits_only(samples, description):
        return description.bits_stored
    raise NotTranscodable(
        f"BitsStored (0028,0101) is {description.bits_stored}, but other bits are in use, which"
        " lossy compression would change: choose a lossless transfer syntax"
    )


def unsigned(samples: Samples) -> Samples:
    """Return the same bits as unsigned numbers, contiguous."""
    import numpy as np

    return np.ascontiguousarray(samples).view(f"u{samples.dtype.itemsize}")


def unsigned_precision(samples: Samples, description: PixelDescription) -> int:
    """Return the bits of a lossless code stream that knows unsigned samples alone.

    Signed samples go as two's complement in all allocated bits, which decoders leave as they are.
    Streams of fewer than 8 bits, or of 8 where 16 are allocated, are refused by some.
    """
    if description.is_signed or description.bits_stored <= 8:
        return description.bits_allocated
    return lossless_precision(samples, description)


def narrowed(samples: Samples, precision: int) -> Samples:
    """Return the same numbers in the smallest type for a precision, contiguous."""
    import numpy as np

    width = 1 if precision <= 8 else 2 if precision <= 16 else 4
    return np.ascontiguousarray(samples, f"{samples.dtype.kind}{width}")
