"""The views of a frame that Orthanc knows: preview, rendered, and its values as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.domain.rendering.color import eight_bits
from nephele.domain.rendering.display import (
    default_window,
    modality_of,
    voi_of,
    window_as_orthanc,
)
from nephele.domain.rendering.float_pixels import is_float
from nephele.domain.rendering.grayscale import FULL_SCALE, Modality, VoiFunction, VoiTable, Window
from nephele.domain.rendering.pictures import Picture
from nephele.domain.rendering.resizing import Box, fit
from nephele.domain.rendering.strips import map_strips, map_values
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_WHOLE = Box()


def preview(picture: Picture) -> Samples:
    """Return a picture of 8 bits, grey stretched from its least to its greatest value.

    MONOCHROME1 is inverted; a picture of one grey is black. Colours stay as they are.
    """
    if picture.is_color:
        return eight_bits(picture.samples, picture.bits_stored)
    stretched = _stretch(picture.samples)
    return FULL_SCALE - stretched if picture.is_inverted else stretched


def rendered(
    picture: Picture,
    *,
    window: Window | None = None,
    center: float | None = None,
    width: float | None = None,
    box: Box = _WHOLE,
) -> Samples:
    """Return a picture of 8 bits, grey as the file wants it shown.

    Parameters
    ----------
    window : Window, optional
        Instead of the file's, applied as PS3.3 has it.
    center, width : float, optional
        Instead of those of the file's window, applied as Orthanc does.

    Raises
    ------
    UnsupportedImage
        A lookup table of the file is damaged.
    ParameterOutOfRange
        The picture would be too large.
    """
    if picture.is_color:
        return fit(eight_bits(picture.samples, picture.bits_stored), box)
    modality = modality_of(picture.image, picture.frame)
    voi = window or _voi(picture, modality, center, width)

    def shades(stored: Samples) -> Samples:
        import numpy as np

        return np.nan_to_num(voi.shades(modality.values(stored)))

    shown = fit(map_values(shades, picture.samples, "u1"), box)
    return FULL_SCALE - shown if picture.is_inverted else shown


def clamped(picture: Picture, dtype: str) -> Samples:
    """Return the stored values of a grey picture, clamped to the range of an integer type.

    Raises
    ------
    UnsupportedImage
        The picture has colours.
    """
    import numpy as np

    if picture.is_color:
        raise UnsupportedImage("colours are not reduced to one value")
    info = np.iinfo(dtype)

    def clamp(rows: Samples) -> Samples:
        values = np.rint(np.nan_to_num(rows)) if rows.dtype.kind == "f" else rows
        return np.clip(values, info.min, info.max).astype(dtype)

    return map_strips(clamp, picture.samples, dtype)


def _voi(
    picture: Picture, modality: Modality, center: float | None, width: float | None
) -> Window | VoiTable:
    """Return the file's window, its centre or width replaced; else the default one."""
    found = voi_of(picture.image, picture.frame, modality)
    if center is None and width is None and found is not None:
        return found
    base = found if isinstance(found, Window) else _default(picture, modality)
    return window_as_orthanc(
        picture.image,
        base.center if center is None else center,
        base.width if width is None else width,
    )


def _default(picture: Picture, modality: Modality) -> Window:
    """Return Orthanc's window of an image without one; floating point gets its own range."""
    if not is_float(picture.image):
        return default_window(picture.image, modality)
    low, high = (modality.slope * value + modality.intercept for value in _range(picture.samples))
    return Window((low + high) / 2, abs(high - low), VoiFunction.LINEAR_EXACT)


def _range(samples: Samples) -> tuple[float, float]:
    """Return the least and the greatest finite value; both 0 where there is none."""
    import numpy as np

    finite = samples[np.isfinite(samples)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _stretch(samples: Samples) -> Samples:
    """Stretch samples linearly to 0..255, rounded; a constant image becomes black.

    Up to 16 bits the order of operations in single precision is Orthanc's, so that halves round
    alike.
    """
    import numpy as np

    is_integer = samples.dtype.kind in "iu"
    low, high = (samples.min(), samples.max()) if is_integer else _range(samples)
    if low == high:
        return np.zeros(samples.shape, np.uint8)
    if samples.dtype.itemsize <= 2:
        return _stretch_as_orthanc(samples, int(low), int(high))
    slope = FULL_SCALE / (float(high) - float(low))

    def stretch(values: Samples) -> Samples:
        finite = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
        return np.clip((finite - float(low)) * slope, 0, FULL_SCALE) + 0.5

    return map_values(stretch, samples, "u1")


def _stretch_as_orthanc(samples: Samples, low: int, high: int) -> Samples:
    import numpy as np

    slope = np.float32(FULL_SCALE) / np.float32(high - low)
    shift = np.float32(-low) * slope

    def stretch(values: Samples) -> Samples:
        scaled: Samples = values.astype(np.float32) * slope + shift + np.float32(0.5)
        return scaled

    return map_values(stretch, samples, "u1")
