"""JPEG 2000, and the decoding of High-Throughput JPEG 2000. See PS3.5 8.2.4 and A.4.4."""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.code_streams import has_end
from nephele.domain.codecs.frame import Frame
from nephele.domain.codecs.jpeg_2000_header import (
    has_whole_tile_parts,
    is_reversible_high_throughput,
)
from nephele.domain.codecs.options import CodecOptions
from nephele.domain.codecs.precision import lossless_precision, lossy_precision, narrowed
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import NotTranscodable, UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

MAXIMUM_PRECISION = 24
"""Bits up to which OpenJPEG is exact."""

_WORST_PSNR, _BEST_PSNR = 20, 60
_LEAST_OF_PYLIBJPEG = 32
"""Rows and columns below which pylibjpeg-openjpeg does not encode."""

_OPENJPEG_ENCODER = Lock()
"""pylibjpeg-openjpeg's encoder crashes when two threads are in it."""


def decode_jpeg_2000(
    description: PixelDescription, encoded: bytes, options: CodecOptions
) -> tuple[Samples, str]:
    """Decode a stream; the component transform, where there is one, is undone."""
    photometric = description.photometric_interpretation
    photometric = "RGB" if photometric in ("YBR_RCT", "YBR_ICT") else photometric
    codecs = {"imagecodecs": _by_imagecodecs, "pylibjpeg": _by_pylibjpeg}
    *first, last = options.sort("imagecodecs", "pylibjpeg")
    for name in first:
        try:
            return codecs[name](encoded, options), photometric
        except (RuntimeError, ValueError, TypeError):
            continue
    return codecs[last](encoded, options), photometric


def encode_jpeg_2000(
    syntax: TransferSyntax,
    frame: Frame,
    description: PixelDescription,
    lossy_quality: int,
    options: CodecOptions,
) -> bytes:
    """Encode in JPEG 2000; RGB is transformed, other colours are not."""
    psnr = None
    if syntax.is_lossy:
        precision = lossy_precision(frame.samples, description)
        psnr = psnr_of(lossy_quality) + of_full_range(frame.samples, precision)
    else:
        precision = exact_precision(frame.samples, description)
    is_large = min(description.rows, description.columns) >= _LEAST_OF_PYLIBJPEG
    if is_large and options.sort("imagecodecs", "pylibjpeg")[0] == "pylibjpeg":
        return _encode_by_pylibjpeg(frame, precision, psnr)
    import imagecodecs

    is_color = description.samples_per_pixel == 3
    return bytes(
        imagecodecs.jpeg2k_encode(
            narrowed(frame.samples, precision),
            level=None if psnr is None else round(psnr),
            codecformat="j2k",
            colorspace="SRGB" if is_color else "GRAY",
            bitspersample=precision,
            resolutions=min(6, min(description.rows, description.columns).bit_length()),
            reversible=psnr is None,
            mct=is_color and frame.photometric_interpretation == "RGB",
            numthreads=options.threads,
        )
    )


def exact_precision(samples: Samples, description: PixelDescription) -> int:
    """Return the bits a lossless stream needs, NotTranscodable if OpenJPEG is not exact then."""
    precision = lossless_precision(samples, description)
    if precision <= MAXIMUM_PRECISION:
        return precision
    raise NotTranscodable(
        f"BitsStored (0028,0101) is {description.bits_stored}, but other bits are in use, and JPEG"
        f" 2000 is exact for {MAXIMUM_PRECISION} in all: choose RLE Lossless"
    )


def psnr_of(lossy_quality: int) -> float:
    """Return the PSNR in dB that is aimed at, over the range of a frame's samples."""
    return _WORST_PSNR + (_BEST_PSNR - _WORST_PSNR) * lossy_quality / 100


def of_full_range(samples: Samples, precision: int) -> float:
    """Return what to add to a PSNR over the samples' range to have it over the precision's."""
    spread = int(samples.max()) - int(samples.min())
    return 20 * math.log10(((1 << precision) - 1) / max(spread, 1))


def _by_imagecodecs(encoded: bytes, options: CodecOptions) -> Samples:
    import imagecodecs

    # htj2k takes streams that lack something for whole, and wraps where a lossy one overshoots.
    if is_reversible_high_throughput(encoded) and has_whole_tile_parts(encoded):
        samples: Samples = imagecodecs.htj2k_decode(encoded, planar=False)
        if min(samples.shape[:2]) > 1:
            return samples
    samples = imagecodecs.jpeg2k_decode(encoded, planar=False, numthreads=options.threads)
    return samples


def _by_pylibjpeg(encoded: bytes, _options: CodecOptions) -> Samples:
    from openjpeg.utils import decode

    if not has_end(encoded):
        raise UnsupportedImage("the frame's code stream is truncated")
    samples: Samples = decode(encoded)
    return samples


def _encode_by_pylibjpeg(frame: Frame, precision: int, psnr: float | None) -> bytes:
    from openjpeg.utils import encode_array

    is_rgb = frame.photometric_interpretation == "RGB"
    with _OPENJPEG_ENCODER:
        return bytes(
            encode_array(
                narrowed(frame.samples, precision),
                bits_stored=precision,
                photometric_interpretation=1 if is_rgb else 0 if frame.samples.ndim == 2 else 3,
                use_mct=is_rgb,
                signal_noise_ratios=None if psnr is None else [round(psnr)],
            )
        )
