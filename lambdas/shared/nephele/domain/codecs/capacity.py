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
    TransferSyntax,
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


_LOSSLESS = "choose a lossless transfer syntax"
_RLE = "choose RLE Lossless or an uncompressed transfer syntax"
_UNCOMPRESSED = "choose an uncompressed transfer syntax"
_SIGNED = "choose RLE Lossless, JPEG Lossless, JPEG-LS or JPEG 2000"


def check_encodable(target_uid: str, description: PixelDescription) -> None:
    """Raise NotTranscodable, naming the attribute, if the target cannot hold such pixels.

    What only the samples tell is refused when they are encoded.
    """
    target = transfer_syntax(target_uid)
    if target_uid == JPEG_XL_JPEG_RECOMPRESSION:
        raise NotTranscodable(
            f"TransferSyntaxUID (0002,0010): {target.name} takes JPEG Baseline alone, not this"
            " image: choose JPEG XL Lossless"
        )
    if target.encoder is None:
        raise cannot_write(target_uid)
    if not target.is_encapsulated:
        return
    _check_depth(target, description)
    segments = description.bits_allocated // 8 * description.samples_per_pixel
    if target_uid == RLE_LOSSLESS and segments > MAXIMUM_SEGMENTS:
        raise NotTranscodable(
            f"BitsAllocated (0028,0100) is {description.bits_allocated}, and {target.name} has"
            f" segments for {MAXIMUM_SEGMENTS} bytes of a pixel: {_UNCOMPRESSED}"
        )
    if target.is_lossy:
        _check_lossy(target, description)


def cannot_write(target_uid: str) -> NotTranscodable:
    """Return the refusal of a target that has no encoder."""
    return NotTranscodable(
        f"TransferSyntaxUID (0002,0010): cannot write {target_uid}, only what the conformance"
        " statement lists for writing: choose one of those"
    )


def _check_depth(target: TransferSyntax, description: PixelDescription) -> None:
    capacity = CAPACITIES[target.uid]
    allocated, stored = description.bits_allocated, description.bits_stored
    if allocated not in capacity.allocated:
        held = " or ".join(str(bits) for bits in capacity.allocated)
        advice = _UNCOMPRESSED if allocated == 1 else _RLE if allocated > 16 else _LOSSLESS
        raise NotTranscodable(
            f"BitsAllocated (0028,0100) is {allocated}, and {target.name} holds {held}: {advice}"
        )
    is_color = description.samples_per_pixel > 1
    most = capacity.maximum_color_stored if is_color else capacity.maximum_stored
    if stored > most:
        raise NotTranscodable(
            f"BitsStored (0028,0101) is {stored}, and {target.name} holds {most} at most:"
            f" {_RLE if stored > 16 else _LOSSLESS}"
        )
    if description.is_signed and not capacity.holds_signed:
        raise NotTranscodable(
            f"PixelRepresentation (0028,0103) is 1, and {target.name} holds unsigned samples"
            f" alone: {_SIGNED}"
        )


def _check_lossy(target: TransferSyntax, description: PixelDescription) -> None:
    if description.photometric_interpretation == "PALETTE COLOR":
        raise NotTranscodable(
            "PhotometricInterpretation (0028,0004) is PALETTE COLOR, and lossy compression would"
            f" change the numbers of colours: {_LOSSLESS}"
        )
    if description.high_bit != description.bits_stored - 1:
        raise NotTranscodable(
            f"HighBit (0028,0102) is {description.high_bit}, and lossy compression would change"
            f" the bits below the {description.bits_stored} stored ones: {_LOSSLESS}"
        )
    is_ybr = description.photometric_interpretation.startswith("YBR_FULL")
    if target.uid == JPEG_XL and is_ybr and description.bits_allocated > 8:
        raise NotTranscodable(
            "PhotometricInterpretation (0028,0004) is YBR_FULL of 16 bits, and"
            f" {target.name} takes it of 8: {_LOSSLESS}"
        )
    if target.uid == JPEG_BASELINE and description.bits_stored != 8:
        raise NotTranscodable(
            f"BitsStored (0028,0101) is {description.bits_stored}, and {target.name} holds 8:"
            " choose JPEG Extended or a lossless transfer syntax"
        )
