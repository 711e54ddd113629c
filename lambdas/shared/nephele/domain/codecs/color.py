"""Colours converted where a codec knows one kind of them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_FULL_SCALE = 255
_CENTRE = 128


def rgb_of_ybr_full(samples: Samples) -> Samples:
    """Convert YBR_FULL of 8 bits to RGB, rounded. See PS3.3 C.7.6.3.1.2."""
    import numpy as np

    luma = samples[..., 0].astype(np.float32)
    blue, red = (samples[..., channel].astype(np.float32) - _CENTRE for channel in (1, 2))
    rgb = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)
    return np.clip(np.stack(rgb, axis=-1) + 0.5, 0, _FULL_SCALE).astype(np.uint8)
