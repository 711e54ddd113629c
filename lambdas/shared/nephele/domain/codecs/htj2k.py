"""Encoding High-Throughput JPEG 2000 with OpenJPH. See PS3.5 A.4.4 and 10.18."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.frame import Frame
from nephele.domain.codecs.jpeg_2000 import exact_precision, of_full_range, psnr_of
from nephele.domain.codecs.precision import lossy_precision, narrowed
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import HTJ2K_LOSSLESS_RPCL, TransferSyntax
from nephele.errors import NotTranscodable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_LEVELS = 5
_LARGEST_BASE_RESOLUTION = 64
_WIDE_FROM_COLUMNS, _WIDE_BLOCK = 1024, (128, 32)
"""Code-blocks of wide frames, across and down: as many samples as in the usual ones of 64x64.

OpenJPH works along lines, and takes 5 % less time for them.
"""
_STEP_AT_0_DB, _LARGEST_STEP = 3.0, 0.5
"""OpenJPH's quantization step, of the full range."""


def encode_htj2k(
    syntax: TransferSyntax, frame: Frame, description: PixelDescription, lossy_quality: int
) -> bytes:
    """Encode in High-Throughput JPEG 2000; RGB is transformed, other colours are not.

    OpenJPH writes wrong pixels for frames of one row or column with a wavelet, so they get none,
    are lossless in the lossy syntax too, and are decoded for proof.
    """
    levels = _levels(description)
    if syntax.uid == HTJ2K_LOSSLESS_RPCL:
        _check_base(description, levels)
    if min(description.rows, description.columns) > 1:
        return _encode(syntax, frame, description, lossy_quality, levels)
    if syntax.is_lossy:
        lossy_precision(frame.samples, description)
    encoded = _encode(syntax, frame, description, None, levels)
    if _is_exact(encoded, frame.samples):
        return encoded
    raise NotTranscodable(
        f"Rows (0028,0010) or Columns (0028,0011) is 1, and {syntax.name} would not be exact:"
        " choose JPEG 2000 Lossless"
    )


def _encode(
    syntax: TransferSyntax,
    frame: Frame,
    description: PixelDescription,
    lossy_quality: int | None,
    levels: int,
) -> bytes:
    import imagecodecs

    settings: dict[str, Any] = {"resolutions": levels}
    step = None
    if syntax.is_lossy and lossy_quality is not None:
        precision = lossy_precision(frame.samples, description)
        psnr = psnr_of(lossy_quality) + of_full_range(frame.samples, precision)
        step = min(_STEP_AT_0_DB * 10 ** (-psnr / 20), _LARGEST_STEP)
    else:
        precision = exact_precision(frame.samples, description)
    if syntax.uid == HTJ2K_LOSSLESS_RPCL:
        settings |= {"tlm": True, "tilepart": 1}
    if sys.version_info >= (3, 12):
        settings |= {"bitspersample": precision, "prog_order": "RPCL"}
        if description.columns >= _WIDE_FROM_COLUMNS:
            settings |= {"block_size": _WIDE_BLOCK}
    elif precision not in (8, 16) and (step is not None or precision > 16):
        # The imagecodecs that there is for the interpreter knows the precisions of types alone.
        raise NotTranscodable(
            f"BitsStored (0028,0101) is {precision}, and under this Python {syntax.name} is written"
            " of 8 and 16 bits: choose JPEG 2000, or Python 3.12"
        )
    return bytes(
        imagecodecs.htj2k_encode(
            narrowed(frame.samples, precision),
            step,
            rgb=description.samples_per_pixel == 3 and frame.photometric_interpretation == "RGB",
            planar=False,
            reversible=step is None,
            **settings,
        )
    )


def _is_exact(encoded: bytes, samples: Samples) -> bool:
    import imagecodecs
    import numpy as np

    decoded = imagecodecs.jpeg2k_decode(encoded, planar=False, numthreads=1)
    return bool(np.array_equal(decoded.ravel(), samples.ravel()))


def _levels(description: PixelDescription) -> int:
    """Return the wavelet's levels: with enough of them the base has 64 rows and columns at most."""
    longest, shortest = sorted((description.rows, description.columns), reverse=True)
    wanted = max(_LEVELS, math.ceil(math.log2(longest / _LARGEST_BASE_RESOLUTION)))
    return min(wanted, shortest.bit_length() - 1)


def _check_base(description: PixelDescription, levels: int) -> None:
    """Raise NotTranscodable if the lowest resolution is too large for RPCL. See PS3.5 10.18."""
    for name, size in (
        ("Rows (0028,0010)", description.rows),
        ("Columns (0028,0011)", description.columns),
    ):
        if size > _LARGEST_BASE_RESOLUTION << levels:
            raise NotTranscodable(
                f"{name} is {size}, too long for so thin a frame, whose lowest resolution would"
                f" exceed {_LARGEST_BASE_RESOLUTION}: choose HTJ2K Lossless without RPCL"
            )
