"""The picture that stands for what cannot be rendered: Orthanc's `returnUnsupportedImage`."""

from __future__ import annotations

from nephele.domain.rendering.image_files import ImageFormat, encode_picture

_SIDE = 256
_MARGIN = 48
_STROKE = 10
_BACKGROUND, _FOREGROUND = 32, 160


def unsupported_picture() -> bytes:
    """Return a PNG image: a grey cross."""
    import numpy as np

    row, column = np.indices((_SIDE, _SIDE))
    is_near = (np.abs(row - column) < _STROKE) | (np.abs(row + column - _SIDE + 1) < _STROKE)
    is_inside = np.minimum(np.minimum(row, column), _SIDE - 1 - np.maximum(row, column)) > _MARGIN
    samples = np.where(is_near & is_inside, _FOREGROUND, _BACKGROUND).astype(np.uint8)
    return encode_picture(samples, ImageFormat.PNG)
