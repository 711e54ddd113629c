"""Encoding decoded frames in a transfer syntax."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nephele.domain.decoding import Frame
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import JPEG_2000, JPEG_2000_LOSSLESS, RLE_LOSSLESS
from nephele.errors import NotTranscodable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_MAXIMUM_RLE_SEGMENTS = 15
_WORST_PSNR, _BEST_PSNR = 20, 60


def check_encodable(target_uid: str, description: PixelDescription) -> None:
    """Raise NotTranscodable, naming the attribute, if the target cannot hold such pixels."""
    bits = description.bits_allocated
    if target_uid == RLE_LOSSLESS:
        segments = bits // 8 * description.samples_per_pixel
        if bits < 8 or segments > _MAXIMUM_RLE_SEGMENTS:
            raise NotTranscodable(f"BitsAllocated (0028,0100) is {bits}")
    if target_uid in (JPEG_2000_LOSSLESS, JPEG_2000):
        if bits not in (8, 16):
            raise NotTranscodable(f"BitsAllocated (0028,0100) is {bits}")
        photometric = description.photometric_interpretation
        if target_uid == JPEG_2000 and photometric == "PALETTE COLOR":
            raise NotTranscodable(f"PhotometricInterpretation (0028,0004) is {photometric}")


def encode_frame(
    target_uid: str, frame: Frame, description: PixelDescription, lossy_quality: int
) -> bytes:
    """Encode one frame.

    Parameters
    ----------
    lossy_quality : int
        1 to 100: how near a lossy JPEG 2000 comes, from a PSNR of 20 dB to one of 60 dB, taken
        over the range of the frame's samples.
    """
    if target_uid == RLE_LOSSLESS:
        return _encode_rle(frame.samples, description)
    if target_uid in (JPEG_2000_LOSSLESS, JPEG_2000):
        psnr = None
        if target_uid == JPEG_2000:
            psnr = _WORST_PSNR + round((_BEST_PSNR - _WORST_PSNR) * lossy_quality / 100)
        return _encode_jpeg_2000(frame, description, psnr)
    return encode_native(frame.samples, description)


def encode_native(samples: Samples, description: PixelDescription) -> bytes:
    """Encode a frame's samples in Little Endian, colour by pixel."""
    import numpy as np

    dtype = np.dtype(description.dtype).newbyteorder("<")
    return np.ascontiguousarray(samples, dtype).tobytes()


def encoded_photometric(target_uid: str, frame: Frame) -> str:
    """Return the PhotometricInterpretation (0028,0004) of a frame once it is encoded."""
    photometric = frame.photometric_interpretation
    if photometric == "RGB" and target_uid in (JPEG_2000_LOSSLESS, JPEG_2000):
        return "YBR_ICT" if target_uid == JPEG_2000 else "YBR_RCT"
    return photometric


def _encode_rle(samples: Samples, description: PixelDescription) -> bytes:
    from rle.utils import encode_pixel_data

    encoded: bytes = encode_pixel_data(
        encode_native(samples, description),
        byteorder="<",
        rows=description.rows,
        columns=description.columns,
        samples_per_pixel=description.samples_per_pixel,
        bits_allocated=description.bits_allocated,
    )
    return encoded


def _encode_jpeg_2000(frame: Frame, description: PixelDescription, psnr: int | None) -> bytes:
    import imagecodecs
    import numpy as np

    is_color = description.samples_per_pixel == 3
    precision = _precision(frame.samples, description)
    if psnr is not None:
        spread = int(frame.samples.max()) - int(frame.samples.min())
        psnr += round(20 * math.log10(((1 << precision) - 1) / max(spread, 1)))
    return bytes(
        imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(frame.samples),
            level=psnr,
            codecformat="j2k",
            colorspace="SRGB" if is_color else "GRAY",
            bitspersample=precision,
            resolutions=min(6, min(description.rows, description.columns).bit_length()),
            reversible=psnr is None,
            mct=is_color and frame.photometric_interpretation == "RGB",
            numthreads=1,
        )
    )


def _precision(samples: Samples, description: PixelDescription) -> int:
    """Return the bits a code stream needs: those stored, or all if the others hold something."""
    bits = description.bits_stored
    low = -(1 << bits - 1) if description.is_signed else 0
    if low <= int(samples.min()) and int(samples.max()) < low + (1 << bits):
        return bits
    return description.bits_allocated
