"""Fitting a picture into a box, as Orthanc does: nearest neighbours, smoothed where asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nephele.errors import ParameterOutOfRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_LARGEST_PICTURE = 1 << 26
_LONGEST_SIDE = 65_535
"""What Rows and Columns can say; far below what encoders take."""
_KERNEL = (1, 4, 6, 4, 1)
_KERNEL_SUM = 16


@dataclass(frozen=True, slots=True)
class Box:
    """The size a picture is fitted into, its ratio kept; a side of 0 is no bound.

    `is_smooth` blurs a picture before it is made smaller.
    """

    width: int = 0
    height: int = 0
    is_smooth: bool = False


def fit(samples: Samples, box: Box) -> Samples:
    """Resize a picture of 8 bits, shape `(rows, columns)` or `(rows, columns, 3)`.

    Raises
    ------
    ParameterOutOfRange
        The picture would have more than 64 million pixels, or 65,535 rows or columns.
    """
    import numpy as np

    rows, columns = samples.shape[:2]
    bounds = [bound / side for bound, side in ((box.width, columns), (box.height, rows)) if bound]
    if not bounds or min(bounds) == 1:
        return samples
    ratio = min(bounds)
    height, width = (max(1, int(side * ratio + 0.5)) for side in (rows, columns))
    if height * width > _LARGEST_PICTURE or max(height, width) > _LONGEST_SIDE:
        raise ParameterOutOfRange("width, height: the picture would be too large")
    if box.is_smooth and ratio < 1:
        samples = _smooth(samples)
    picked = [
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in ((height, rows), (width, columns))
    ]
    fitted: Samples = samples[picked[0]][:, picked[1]]
    return fitted


def _smooth(samples: Samples) -> Samples:
    """Blur by the binomial of 5 x 5 samples, the border repeated, rounded down."""
    import numpy as np

    blurred = samples.astype(np.uint32)
    for axis in (0, 1):
        side = samples.shape[axis]
        padding = [(2, 2) if one == axis else (0, 0) for one in range(samples.ndim)]
        padded = np.pad(blurred, padding, mode="edge")
        blurred = np.zeros_like(blurred)
        for shift, weight in enumerate(_KERNEL):
            blurred += weight * np.take(padded, np.arange(side) + shift, axis)
    return (blurred // _KERNEL_SUM**2).astype(samples.dtype)
