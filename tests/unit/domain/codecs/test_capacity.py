"""Which pixels each syntax holds, and the attribute that is named where it does not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nephele.domain.codecs import Frame, check_encodable, decode_frame, encode_frame
from nephele.domain.codecs.capacity import CAPACITIES
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    HTJ2K_LOSSLESS,
    JPEG_2000_LOSSLESS,
    JPEG_XL_JPEG_RECOMPRESSION,
    RLE_LOSSLESS,
    TARGETS,
    transfer_syntax,
)
from nephele.errors import NotTranscodable
from tests.unit.domain.codecs.files import describe, encoded_image
from tests.unit.domain.codecs.kinds import needs_precision
from tests.unit.domain.images import Samples, noise

ENCAPSULATED = sorted(
    uid for uid in TARGETS - {JPEG_XL_JPEG_RECOMPRESSION} if transfer_syntax(uid).is_encapsulated
)
PLAIN = describe(noise((8, 8), 8, dtype="uint8"))


def described(**changes: Any) -> PixelDescription:
    if "bits_stored" in changes:
        changes.setdefault("high_bit", changes["bits_stored"] - 1)
    return replace(PLAIN, **changes)


def refused(description: PixelDescription) -> dict[str, str]:
    """Return the reasons of the syntaxes that refuse an image, by the end of their UID."""
    reasons = {}
    for uid in ENCAPSULATED:
        try:
            check_encodable(uid, description)
        except NotTranscodable as exc:
            reasons[uid.removeprefix("1.2.840.10008.1.2.")] = str(exc)
    return reasons


LOSSY = {"4.50", "4.51", "4.81", "4.91", "4.112", "4.203"}
ALL = {uid.removeprefix("1.2.840.10008.1.2.") for uid in ENCAPSULATED}


@pytest.mark.parametrize(
    ("description", "suffixes", "attribute"),
    [
        pytest.param(PLAIN, set(), "", id="8 bits"),
        pytest.param(
            described(bits_allocated=1, bits_stored=1),
            ALL,
            r"BitsAllocated \(0028,0100\) is 1",
            id="1 bit",
        ),
        pytest.param(
            described(bits_allocated=16, bits_stored=12), {"4.50"}, "BitsAllocated", id="12 bits"
        ),
        pytest.param(
            described(bits_allocated=16, bits_stored=16),
            {"4.50", "4.51"},
            r"Bits(Allocated|Stored)",
            id="16 bits",
        ),
        pytest.param(
            described(bits_allocated=32, bits_stored=32), ALL - {"5"}, "Bits", id="32 bits"
        ),
        pytest.param(
            described(bits_allocated=32, bits_stored=24),
            ALL - {"5", "4.90", "4.201", "4.202"},
            "BitsAllocated",
            id="24 of 32 bits",
        ),
        pytest.param(
            described(bits_allocated=64, bits_stored=64), ALL - {"5"}, "BitsAllocated", id="64 bits"
        ),
        pytest.param(
            described(is_signed=True),
            {"4.50", "4.51", "4.110", "4.112"},
            r"PixelRepresentation \(0028,0103\)",
            id="signed",
        ),
        pytest.param(
            described(photometric_interpretation="PALETTE COLOR"),
            LOSSY,
            r"PhotometricInterpretation \(0028,0004\)",
            id="palette",
        ),
        pytest.param(
            described(bits_allocated=16, bits_stored=12, high_bit=15),
            LOSSY,
            "BitsAllocated|HighBit",
            id="12 bits in the high ones",
        ),
        pytest.param(described(bits_stored=7), {"4.50"}, "BitsStored", id="7 bits"),
        pytest.param(
            described(
                bits_allocated=16,
                bits_stored=12,
                samples_per_pixel=3,
                photometric_interpretation="RGB",
            ),
            {"4.50", "4.51"},
            "Bits",
            id="RGB of 12 bits",
        ),
        pytest.param(
            described(
                bits_allocated=64,
                bits_stored=64,
                samples_per_pixel=3,
                photometric_interpretation="RGB",
            ),
            ALL,
            "BitsAllocated",
            id="RGB of 64 bits",
        ),
    ],
)
def test_who_refuses(description: PixelDescription, suffixes: set[str], attribute: str) -> None:
    reasons = refused(description)
    assert set(reasons) == suffixes
    for reason in reasons.values():
        assert re.search(attribute, reason)
        _, _, advice = reason.partition(": choose ")
        assert "uncompressed" in advice or ALL - LOSSY - set(reasons)
        assert "RLE" in advice or "ncompressed" in advice or "lossless" in advice


def test_every_encapsulated_target_has_a_capacity() -> None:
    assert set(CAPACITIES) == set(ENCAPSULATED)


@pytest.mark.parametrize("uid", ["1.2.3", "1.2.840.10008.1.2.4.58", "1.2.840.10008.1.2.4.102"])
def test_syntax_that_nobody_writes(uid: str) -> None:
    with pytest.raises(NotTranscodable, match=r"TransferSyntaxUID \(0002,0010\)"):
        check_encodable(uid, PLAIN)


@pytest.mark.parametrize(
    ("uid", "samples"),
    [
        pytest.param(RLE_LOSSLESS, noise((8, 9), 32, dtype="uint32"), id="RLE, 32"),
        pytest.param(RLE_LOSSLESS, noise((8, 9), 60, dtype="uint64"), id="RLE, 64"),
        pytest.param(RLE_LOSSLESS, noise((8, 9), 31, is_signed=True, dtype="int32"), id="signed"),
        pytest.param(RLE_LOSSLESS, noise((8, 9, 3), 32, dtype="uint32"), id="RLE, colour"),
    ],
)
def test_wide_samples_come_back(uid: str, samples: Samples) -> None:
    photometric = "RGB" if samples.ndim == 3 else "MONOCHROME2"
    description = describe(samples, photometric)
    encoded = encode_frame(uid, Frame(samples, photometric), description, 90)
    decoded = decode_frame(encoded_image(uid, description), encoded).samples
    assert decoded.dtype == samples.dtype
    assert np.array_equal(decoded, samples)


@pytest.mark.parametrize(
    "uid", [JPEG_2000_LOSSLESS, pytest.param(HTJ2K_LOSSLESS, marks=needs_precision)]
)
@pytest.mark.parametrize("bits", [12, 17, 20, 24])
@pytest.mark.parametrize("is_signed", [False, True], ids=["unsigned", "signed"])
def test_up_to_24_bits_in_jpeg_2000(uid: str, bits: int, is_signed: bool) -> None:
    dtype = "int32" if is_signed else "uint32"
    samples = noise((33, 40), bits, is_signed=is_signed, dtype=dtype)
    description = describe(samples, bits_stored=bits)
    check_encodable(uid, description)
    encoded = encode_frame(uid, Frame(samples, "MONOCHROME2"), description, 90)
    decoded = decode_frame(encoded_image(uid, description), encoded).samples
    assert decoded.dtype == samples.dtype
    assert np.array_equal(decoded, samples)


@pytest.mark.parametrize("uid", [JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS])
def test_what_does_not_fit_24_bits_is_refused(uid: str) -> None:
    samples = noise((33, 40), 32, dtype="uint32")
    description = describe(samples, bits_stored=24)
    with pytest.raises(NotTranscodable, match=r"BitsStored \(0028,0101\)"):
        encode_frame(uid, Frame(samples, "MONOCHROME2"), description, 90)


def test_native_takes_anything() -> None:
    for bits in (1, 8, 16, 32, 64):
        check_encodable(EXPLICIT_VR_LITTLE_ENDIAN, described(bits_allocated=bits, bits_stored=bits))
