"""What must come of each kind of image in each transfer syntax."""

from __future__ import annotations

from typing import Final

from tests.transcoding.images import KINDS
from tests.transcoding.syntaxes import LOSSY, NATIVE, RECODED, UIDS

_ENCAPSULATED = tuple(name for name in UIDS if name not in NATIVE)
_ONE_BIT = ("1 bit", "1 bit, frames within bytes")
_WIDE = ("32 bits", "32 bits, signed", "20 of 32 bits")
_PALETTE = ("palette", "palette of 16 bits")
_OVERLAY = ("12 of 16 bits, overlay in bit 12",)
_HIGH = ("12 of 16 bits, high",)
_SIGNED_8_OR_12 = ("8 bits, signed", "12 of 16 bits, signed")
_SIGNED = (*_SIGNED_8_OR_12, "16 bits, signed")
_16_ALLOCATED = tuple(name for name, kind in KINDS.items() if kind.bits_allocated == 16)
_16_STORED = tuple(name for name, kind in KINDS.items() if kind.bits == 16)
_J2K_LOSSLESS = ("j2k lossless", "htj2k lossless", "htj2k rpcl")
_JXL = ("jxl lossless", "jxl")

_RULES: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    # Bits are packed, and neither RLE nor any encoder here takes them.
    (_ENCAPSULATED, _ONE_BIT, "BitsAllocated"),
    # JPEG 2000 reaches 24 bits here, the others 16.
    (_J2K_LOSSLESS, ("32 bits", "32 bits, signed"), "BitsStored"),
    (tuple(set(_ENCAPSULATED) - {"rle", *_J2K_LOSSLESS}), _WIDE, "BitsAllocated"),
    # What loses anything would lose the overlay first, or mix the colours' numbers.
    (LOSSY, _OVERLAY, "OverlayBitPosition"),
    (("jpeg baseline",), (*_16_ALLOCATED,), "BitsAllocated"),
    (("jpeg extended",), _16_STORED, "BitsStored"),
    (LOSSY, _PALETTE, "PhotometricInterpretation"),
    # Bits below the stored ones would be spoilt.
    (LOSSY, _HIGH, "HighBit"),
    (("jpeg baseline",), ("6 of 8 bits", "2 of 8 bits"), "BitsStored"),
    # DCT codecs and JPEG XL are unsigned.
    (("jpeg baseline", "jpeg extended"), _SIGNED_8_OR_12, "PixelRepresentation"),
    (_JXL, _SIGNED, "PixelRepresentation"),
)
"""Targets, kinds, and the attribute that the refusal names; the first that applies counts."""


def refusal(kind: str, target: str, source: str = "explicit") -> str | None:
    """Return what a refusal must name, None where the target takes such images."""
    if "big endian" in (source, target) and kind in _WIDE:
        return "BitsAllocated"  # DCMTK swaps words, others whole samples
    if target == RECODED and source != "jpeg baseline":
        return ""  # any attribute: there is no JPEG stream to keep
    for targets, kinds, named in _RULES:
        if target in targets and kind in kinds:
            return named
    return None


TOLERANCE: Final[dict[str, int]] = {
    "jpeg baseline": 1,
    "jpeg extended": 1,
    "j2k": 1,
    "htj2k": 1,
    RECODED: 4,
    "jxl": 1,
}
"""How far two decoders of a lossy source may lie apart: their arithmetic is not prescribed."""

_LEAST_PSNR: Final[dict[str, float]] = {
    "jpeg baseline": 32,
    "jpeg extended": 32,
    "j2k": 40,
    "htj2k": 40,
    "jxl": 32,
}
_LEAST_PSNR_OF_FEW: Final[dict[tuple[str, str], float]] = {
    ("jpeg baseline", "RGB, noise"): 14,
    ("jpeg extended", "RGB, noise"): 14,
    ("jxl", "RGB, noise"): 19,
    ("jpeg extended", "2 of 8 bits"): 20,
    ("j2k", "2 of 8 bits"): 20,
    ("htj2k", "2 of 8 bits"): 20,
    ("jxl", "2 of 8 bits"): 20,
}
"""Noise in the colours goes with every other one of their samples; two bits are coarse anyway."""


def least_psnr(kind: str, target: str) -> float:
    """Return the PSNR in dB that a lossy result of quality 90 must reach."""
    return _LEAST_PSNR_OF_FEW.get((target, kind), _LEAST_PSNR[target])
