"""Pictures as files: PNG, JPEG and PAM."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_QUALITY = 90
_FAST, _RUN_LENGTHS, _SUB = 1, 3, 16
_PNG_OVERHEAD = 4096
_LONGEST_JPEG_SIDE = 65_500
"""Of libjpeg's; the standard's is a little more."""
_TUPLE_TYPES = {1: "GRAYSCALE", 3: "RGB"}


class ImageFormat(StrEnum):
    """A file format; the value is its media type."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    PAM = "image/x-portable-arbitrarymap"


def encode_picture(
    samples: NDArray[Any], image_format: ImageFormat, quality: int = DEFAULT_QUALITY
) -> bytes:
    """Encode a picture.

    Parameters
    ----------
    samples : ndarray
        Shape `(rows, columns)` or `(rows, columns, 3)`, of 8 or 16 bits; JPEG holds 8 alone. The
        bits of signed samples are kept, as Orthanc does.
    quality : int
        Of JPEG, from 1 to 100.

    Raises
    ------
    UnsupportedImage
        JPEG does not hold so many rows or columns.
    """
    import imagecodecs
    import numpy as np

    unsigned = np.ascontiguousarray(samples).view(f"u{samples.dtype.itemsize}")
    if image_format is ImageFormat.PNG:
        return _encode_png(unsigned)
    if image_format is ImageFormat.JPEG:
        if max(samples.shape[:2]) > _LONGEST_JPEG_SIDE:
            raise UnsupportedImage("JPEG does not hold so many rows or columns")
        return bytes(imagecodecs.jpeg8_encode(unsigned, level=quality))
    return _encode_pam(unsigned)


def _encode_png(samples: NDArray[Any]) -> bytes:
    """Encode PNG; the codec's own guess of the size is too small for noise in a narrow picture."""
    import imagecodecs

    largest = samples.nbytes + samples.nbytes // 64 + 2 * samples.shape[0] + _PNG_OVERHEAD
    encoded = imagecodecs.png_encode(
        samples, level=_FAST, strategy=_RUN_LENGTHS, filter=_SUB, out=largest
    )
    return bytes(encoded)


def _encode_pam(samples: NDArray[Any]) -> bytes:
    """Encode a portable arbitrary map: a header in text, then samples, high byte first."""
    depth = 1 if samples.ndim == 2 else samples.shape[2]
    rows, columns = samples.shape[:2]
    largest = (1 << 8 * samples.dtype.itemsize) - 1
    header = (
        f"P7\nWIDTH {columns}\nHEIGHT {rows}\nDEPTH {depth}\nMAXVAL {largest}\n"
        f"TUPLTYPE {_TUPLE_TYPES[depth]}\nENDHDR\n"
    )
    return header.encode() + samples.astype(samples.dtype.newbyteorder(">")).tobytes()
