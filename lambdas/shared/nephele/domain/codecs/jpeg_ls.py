"""JPEG-LS, lossless and near-lossless, by CharLS. See PS3.5 8.2.3."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.code_streams import check_end
from nephele.domain.codecs.frame import Frame
from nephele.domain.codecs.precision import (
    lossy_precision,
    stored_range,
    unsigned,
    unsigned_precision,
)
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import TransferSyntax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_QUALITY_PER_NEAR = 5
_BY_PIXEL = 2
_TAKES_NO_PRECISION = sys.version_info < (3, 12)
"""The imagecodecs of older Pythons cannot be told a precision."""


def decode_jpeg_ls(description: PixelDescription, encoded: bytes) -> Samples:
    """Decode a stream of any interleave mode."""
    import imagecodecs

    check_end(encoded)
    samples: Samples = imagecodecs.jpegls_decode(encoded)
    planes = (description.samples_per_pixel, description.rows, description.columns)
    if description.samples_per_pixel > 1 and samples.shape == planes != samples.shape[::-1]:
        return samples.transpose(1, 2, 0)
    return samples


def encode_jpeg_ls(
    syntax: TransferSyntax, frame: Frame, description: PixelDescription, lossy_quality: int
) -> bytes:
    """Encode a frame, colour by pixel."""
    near = 0
    if syntax.is_lossy:
        near = _near(frame.samples, description, lossy_quality)
    precision = unsigned_precision(frame.samples, description)
    return _encode(unsigned(frame.samples), precision, near)


def near_of(lossy_quality: int, precision: int) -> int:
    """Return NEAR, the greatest error of a sample: 2 at a quality of 90, none at 100."""
    near = (100 - lossy_quality) // _QUALITY_PER_NEAR
    return min(near, ((1 << precision) - 1) // 2)


def _near(samples: Samples, description: PixelDescription, lossy_quality: int) -> int:
    """Return NEAR for a frame: 0 if an error could take a sample out of BitsStored.

    A decoder knows the limits of the code stream alone. Those of signed samples are in its middle,
    and those of 8 bits stored far below its end.
    """
    near = near_of(lossy_quality, lossy_precision(samples, description))
    ends_with_stream = unsigned_precision(samples, description) == description.bits_stored
    if ends_with_stream and not description.is_signed:
        return near
    low, high = stored_range(description)
    floor = low + near if description.is_signed else low
    is_inside = floor <= int(samples.min()) and int(samples.max()) <= high - near
    return near if is_inside else 0


def _encode(samples: Samples, precision: int, near: int) -> bytes:
    import imagecodecs

    options: dict[str, Any] = {}
    if precision != samples.dtype.itemsize * 8:
        if _TAKES_NO_PRECISION:
            return _encode_by_pyjpegls(samples, precision, near)
        options = {"bitspersample": precision}
    # Noise gets larger than it was, above what the codec takes for its output.
    room = 2 * samples.nbytes + 1024
    return bytes(imagecodecs.jpegls_encode(samples, near, out=room, **options))


def _encode_by_pyjpegls(samples: Samples, precision: int, near: int) -> bytes:
    """Encode where the imagecodecs that there is for the interpreter knows no precision."""
    import jpeg_ls

    rows, columns, *rest = samples.shape
    return bytes(
        jpeg_ls.encode_buffer(
            samples.tobytes(), rows, columns, rest[0] if rest else 1, precision, near, _BY_PIXEL
        )
    )
