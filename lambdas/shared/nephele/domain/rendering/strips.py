"""Mapping the samples of an image a few rows at a time, so that little memory is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_STRIP_SAMPLES = 1 << 20
_LARGEST_TABLE = 1 << 17


def map_strips(
    function: Callable[[Samples], Samples], samples: Samples, dtype: str, *extra_axes: int
) -> Samples:
    """Map an image row by row.

    Parameters
    ----------
    function : callable
        From some rows to the rows of the result.
    dtype : str
        Of the result.
    extra_axes : int
        Behind rows and columns of the result, where the image has others.
    """
    import numpy as np

    shape = (*samples.shape[:2], *extra_axes) if extra_axes else samples.shape
    mapped = np.empty(shape, dtype)
    rows = max(1, _STRIP_SAMPLES * samples.shape[0] // max(samples.size, 1))
    for start in range(0, samples.shape[0], rows):
        mapped[start : start + rows] = function(samples[start : start + rows])
    return mapped


def map_values(function: Callable[[Samples], Samples], samples: Samples, dtype: str) -> Samples:
    """Map each sample by itself; what few values there are, are computed once.

    Parameters
    ----------
    function : callable
        From values, float64, to values of the result.
    """
    import numpy as np

    if samples.dtype.kind in "iu" and samples.size:
        low, high = int(samples.min()), int(samples.max())
        if high - low < min(samples.size, _LARGEST_TABLE):
            table = function(np.arange(low, high + 1, dtype=np.float64)).astype(dtype)
            return map_strips(lambda rows: table[rows.astype(np.int64) - low], samples, dtype)
    return map_strips(lambda rows: function(rows.astype(np.float64)), samples, dtype)
