"""Which pixels each transfer syntax can hold. See PS3.5 8.2 and its tables."""

from __future__ import annotations

from dataclasses import dataclass

from nephele.domain.codecs.jpeg_2000 import MAXIMUM_PRECISION
from nephele.domain.codecs.rle import MAXIMUM_SEGMENTS
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import (
    HTJ2K,
    HTJ2K_LOSSLESS,
    HTJ2K_LOSSLESS_RPCL,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR_LOSSLESS,
    JPEG_XL,
    JPEG_XL_JPEG_RECOMPRESSION,
    JPEG_XL_LOSSLESS,
    RLE_LOSSLESS,
    transfer_syntax,
)
from nephele.errors import NotTranscodable


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a syntax can hold.

    Attributes
    ----------
    maximum_stored : int
        Bits stored; of colours `maximum_color_stored`.
    """

    allocated: tuple[int, ...] = (8, 16)
    maximum_stored: int = 16
    maximum_color_stored: int = 16
    holds_signed: bool = True


_DEEP = Capacity(allocated=(8, 16, 32), maximum_stored=MAXIMUM_PRECISION)

CAPACITIES = {
    RLE_LOSSLESS: Capacity((8, 16, 32, 64), 64, 64),
    JPEG_BASELINE: Capacity((8,), holds_signed=False),
    JPEG_EXTENDED: Capacity(maximum_stored=12, maximum_color_stored=8, holds_signed=False),
    JPEG_LOSSLESS: Capacity(),
    JPEG_LOSSLESS_SV1: Capacity(),
    JPEG_LS_LOSSLESS: Capacity(),
    JPEG_LS_NEAR_LOSSLESS: Capacity(),
    JPEG_2000_LOSSLESS: _DEEP,
    JPEG_2000: Capacity(),
    HTJ2K_LOSSLESS: _DEEP,
    HTJ2K_LOSSLESS_RPCL: _DEEP,
    HTJ2K: Capacity(),
    JPEG_XL_LOSSLESS: Capacity(holds_signed=False),
    JPEG_XL: Capacity(holds_signed=False),
}


def check_encodable(target_uid: str, description: PixelDescription) -> None:
    """Raise NotTranscodable, naming the attribute, if the target cannot hold such pixels.

    What only the samples tell is refused when they are encoded.
    """
    if target_uid == JPEG_XL_JPEG_RECOMPRESSION:
        raise NotTranscodable("TransferSyntaxUID (0002,0010): only JPEG Baseline is recompressed")
    target = transfer_syntax(target_uid)
    if target.encoder is None:
        raise NotTranscodable(f"TransferSyntaxUID (0002,0010): cannot write {target_uid}")
    if not target.is_encapsulated:
        return
    _check_depth(CAPACITIES[target_uid], description)
    segments = description.bits_allocated // 8 * description.samples_per_pixel
    if target_uid == RLE_LOSSLESS and segments > MAXIMUM_SEGMENTS:
        raise NotTranscodable(f"BitsAllocated (0028,0100) is {description.bits_allocated}")
    if target.is_lossy:
        _check_lossy(target_uid, description)


def _check_depth(capacity: Capacity, description: PixelDescription) -> None:
    allocated, stored = description.bits_allocated, description.bits_stored
    if allocated not in capacity.allocated:
        raise NotTranscodable(f"BitsAllocated (0028,0100) is {allocated}")
    is_color = description.samples_per_pixel > 1
    if stored > (capacity.maximum_color_stored if is_color else capacity.maximum_stored):
        raise NotTranscodable(f"BitsStored (0028,0101) is {stored}")
    if description.is_signed and not capacity.holds_signed:
        raise NotTranscodable("PixelRepresentation (0028,0103) is 1")


def _check_lossy(target_uid: str, description: PixelDescription) -> None:
    if description.photometric_interpretation == "PALETTE COLOR":
        raise NotTranscodable("PhotometricInterpretation (0028,0004) is PALETTE COLOR")
    if description.high_bit != description.bits_stored - 1:
        raise NotTranscodable(f"HighBit (0028,0102) is {description.high_bit}")
    is_ybr = description.photometric_interpretation.startswith("YBR_FULL")
    if target_uid == JPEG_XL and is_ybr and description.bits_allocated > 8:
        raise NotTranscodable("PhotometricInterpretation (0028,0004) is YBR_FULL of 16 bits")
    if target_uid == JPEG_BASELINE and description.bits_stored != 8:
        raise NotTranscodable(f"BitsStored (0028,0101) is {description.bits_stored}")
