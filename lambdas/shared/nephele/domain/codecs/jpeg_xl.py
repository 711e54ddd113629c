"""JPEG XL by libjxl. See PS3.5 A.4 and ISO/IEC 18181-1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.color import rgb_of_ybr_full
from nephele.domain.codecs.frame import Frame
from nephele.domain.codecs.options import CodecOptions
from nephele.domain.codecs.precision import (
    lossy_precision,
    narrowed,
    unsigned,
    unsigned_precision,
)
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import TransferSyntax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_EFFORT = 3
_BEST_DISTANCE, _DISTANCE_PER_QUALITY = 0.1, 0.09
_LEAST_DISTANCE = 0.01


def decode_jpeg_xl(encoded: bytes, options: CodecOptions) -> Samples:
    """Decode a stream, or the JPEG that is recompressed in it, to samples."""
    import imagecodecs

    samples: Samples = imagecodecs.jpegxl_decode(encoded, numthreads=options.threads)
    return samples


def encode_jpeg_xl(
    syntax: TransferSyntax,
    frame: Frame,
    description: PixelDescription,
    lossy_quality: int,
    options: CodecOptions,
) -> bytes:
    """Encode a frame.

    A lossy codec takes colours for RGB, so YBR_FULL becomes it. The codec puts streams of more than
    12 bits in boxes.
    """
    import imagecodecs

    samples = unsigned(frame.samples)
    if syntax.is_lossy:
        if frame.photometric_interpretation == "YBR_FULL":
            samples = rgb_of_ybr_full(samples)
        precision = lossy_precision(frame.samples, description)
        distance = distance_of(lossy_quality) * _range_share(frame.samples, precision)
        settings: dict[str, Any] = {"distance": max(distance, _LEAST_DISTANCE)}
    else:
        settings = {"lossless": True}
        precision = unsigned_precision(frame.samples, description)
    return bytes(
        imagecodecs.jpegxl_encode(
            narrowed(samples, precision),
            effort=_EFFORT,
            bitspersample=precision,
            numthreads=options.threads,
            **settings,
        )
    )


def distance_of(lossy_quality: int) -> float:
    """Return libjxl's distance: 1, where a difference begins to be seen, at a quality of 90."""
    return _BEST_DISTANCE + _DISTANCE_PER_QUALITY * (100 - lossy_quality)


def _range_share(samples: Samples, precision: int) -> float:
    """Return what share of the precision's range the samples take: distances are of all of it."""
    spread = int(samples.max()) - int(samples.min())
    return max(spread, 1) / ((1 << precision) - 1)
