"""Lossy encoding comes as near as its quality says, as other makers' decoders find."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nephele.domain.codecs import (
    Frame,
    check_encodable,
    decode_frame,
    encode_frame,
    encoded_photometric,
)
from nephele.domain.codecs.code_streams import read_header
from nephele.domain.codecs.jpeg_ls import near_of
from nephele.domain.transfer_syntax import (
    HTJ2K,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LS_NEAR_LOSSLESS,
    JPEG_XL,
    transfer_syntax,
)
from nephele.errors import NotTranscodable
from tests.unit.domain.codecs.files import describe, encoded_image
from tests.unit.domain.codecs.judges import (
    judged_by_djxl,
    judged_by_openjpeg,
    judged_by_tools,
)
from tests.unit.domain.codecs.kinds import needs_precision
from tests.unit.domain.images import Samples, noise


def picture(high: int, *, low: int = 0, dtype: str = "uint16", samples: int = 1) -> Samples:
    """Draw something smooth with an edge and a little noise, from `low` to `high`."""
    rows, columns = np.mgrid[0:64, 0:80]
    shape = np.sin(rows / 9) + np.cos(columns / 7) + (rows > columns) * 0.7
    drawn = [np.roll(shape, 11 * sample, axis=1) for sample in range(samples)]
    stacked = np.stack(drawn, axis=-1) if samples > 1 else drawn[0]
    grain = np.random.default_rng(3).normal(0, 0.01, stacked.shape)
    unit = stacked + grain
    unit = (unit - unit.min()) / np.ptp(unit)
    return np.rint(low + unit * (high - low)).astype(dtype)


COLOR = picture(255, dtype="uint8", samples=3)
CASES = [
    (JPEG_BASELINE, picture(255, dtype="uint8"), {}, 40),
    (JPEG_BASELINE, COLOR, {"photometric": "RGB"}, 33),
    (JPEG_EXTENDED, picture(4095), {"bits_stored": 12}, 50),
    (JPEG_EXTENDED, picture(1023), {"bits_stored": 10}, 50),
    (JPEG_EXTENDED, picture(255, dtype="uint8"), {}, 40),
    (JPEG_2000, picture(4095), {"bits_stored": 12}, 54),
    (JPEG_2000, picture(2000), {}, 54),
    (JPEG_2000, picture(1000, low=-1000, dtype="int16"), {}, 54),
    (JPEG_2000, picture(255), {"bits_stored": 8}, 50),
    (JPEG_2000, COLOR, {"photometric": "RGB"}, 40),
    (JPEG_2000, COLOR, {"photometric": "YBR_FULL"}, 40),
    (HTJ2K, picture(4095), {"bits_stored": 12}, 50),
    (HTJ2K, picture(2000), {}, 50),
    (HTJ2K, picture(1000, low=-1000, dtype="int16"), {}, 50),
    (HTJ2K, COLOR, {"photometric": "RGB"}, 40),
    (HTJ2K, COLOR, {"photometric": "YBR_FULL"}, 40),
    (JPEG_XL, picture(255, dtype="uint8"), {}, 38),
    (JPEG_XL, picture(4095), {"bits_stored": 12}, 38),
    (JPEG_XL, picture(2000), {}, 38),
    (JPEG_XL, COLOR, {"photometric": "RGB"}, 32),
]


def psnr(judged: Samples, samples: Samples) -> float:
    """Return the PSNR in dB over the range of the samples."""
    error = np.mean((judged.astype(float).ravel() - samples.astype(float).ravel()) ** 2)
    return math.inf if error == 0 else 20 * math.log10(float(np.ptp(samples)) / math.sqrt(error))


@pytest.mark.parametrize(
    ("uid", "samples", "options", "least_psnr"),
    [
        pytest.param(
            *case,
            id=f"{transfer_syntax(case[0]).name}-{index}",
            marks=needs_precision if case[0] == HTJ2K and case[2].get("bits_stored") else (),
        )
        for index, case in enumerate(CASES)
    ],
)
def test_lossy_is_near(
    uid: str, samples: Samples, options: dict[str, Any], least_psnr: float, tmp_path: Path
) -> None:
    description = describe(samples, **options)
    check_encodable(uid, description)
    frame = Frame(samples, description.photometric_interpretation)
    encoded = encode_frame(uid, frame, description, 90)
    assert len(encoded) < samples.nbytes
    described = describe(samples, **(options | {"photometric": encoded_photometric(uid, frame)}))
    own = decode_frame(encoded_image(uid, described), encoded)
    kind = transfer_syntax(uid).kind
    if kind == "htj2k":
        found = {"openjpeg": judged_by_openjpeg(encoded)}
    elif kind == "jpeg-xl":
        header = read_header(encoded)
        assert header is not None
        found = {"djxl": judged_by_djxl(encoded, header.precision, tmp_path)}
    else:
        found = judged_by_tools(uid, encoded, described, samples, tmp_path)
    for tool, judged in found.items():
        assert psnr(judged, samples) > least_psnr, tool
    assert psnr(own.samples, samples) > least_psnr


@pytest.mark.parametrize("uid", [JPEG_BASELINE, JPEG_2000, HTJ2K, JPEG_XL])
def test_worse_quality_is_smaller(uid: str) -> None:
    samples = picture(255, dtype="uint8")
    description = describe(samples)
    sizes = [
        len(encode_frame(uid, Frame(samples, "MONOCHROME2"), description, quality))
        for quality in (100, 90, 50, 1)
    ]
    assert sizes == sorted(sizes, reverse=True)


EXTREMES = [
    pytest.param(noise((24, 20), 8, dtype="uint8"), {}, 2, id="8 bits"),
    pytest.param(noise((24, 20), 12), {"bits_stored": 12}, 2, id="12 bits"),
    pytest.param(noise((24, 20), 16), {}, 2, id="16 bits"),
    pytest.param(noise((24, 20), 8), {"bits_stored": 8}, 0, id="8 of 16 bits, whose stream has 16"),
    pytest.param(noise((24, 20), 7, dtype="uint8"), {"bits_stored": 7}, 0, id="7 of 8 bits"),
    pytest.param(
        noise((24, 20), 12, is_signed=True, dtype="int16"),
        {"bits_stored": 12},
        0,
        id="signed, at the limits of 12 bits",
    ),
    pytest.param(
        noise((24, 20), 11, is_signed=True, dtype="int16"),
        {"bits_stored": 12},
        2,
        id="signed, within the limits",
    ),
    pytest.param(
        noise((24, 20), 16, is_signed=True, dtype="int16"), {}, 0, id="signed, at the word's ends"
    ),
    pytest.param(noise((24, 20, 3), 8, dtype="uint8"), {"photometric": "RGB"}, 2, id="RGB"),
]


@pytest.mark.parametrize(("samples", "options", "near"), EXTREMES)
def test_near_lossless_is_within_near_and_never_wraps(
    samples: Samples, options: dict[str, Any], near: int, tmp_path: Path
) -> None:
    description = describe(samples, **options)
    frame = Frame(samples, description.photometric_interpretation)
    encoded = encode_frame(JPEG_LS_NEAR_LOSSLESS, frame, description, 90)
    own = decode_frame(encoded_image(JPEG_LS_NEAR_LOSSLESS, description), encoded).samples
    found = judged_by_tools(JPEG_LS_NEAR_LOSSLESS, encoded, description, samples, tmp_path)
    assert "dcmdjpls" in found
    for judged in (*found.values(), own):
        error = np.abs(judged.astype(int).ravel() - samples.astype(int).ravel())
        assert error.max() == near


@pytest.mark.parametrize(
    ("quality", "precision", "near"),
    [(100, 8, 0), (96, 8, 0), (95, 8, 1), (90, 8, 2), (90, 12, 2), (1, 16, 19), (1, 3, 3)],
)
def test_near_follows_quality_up_to_half_of_the_range(
    quality: int, precision: int, near: int
) -> None:
    assert near_of(quality, precision) == near


@pytest.mark.parametrize("uid", [JPEG_EXTENDED, JPEG_2000, HTJ2K, JPEG_LS_NEAR_LOSSLESS, JPEG_XL])
def test_what_is_outside_of_bits_stored_is_not_thrown_away(uid: str) -> None:
    samples = noise((16, 16), 16)
    description = describe(samples, bits_stored=12)
    check_encodable(uid, description)
    with pytest.raises(NotTranscodable, match=r"BitsStored \(0028,0101\)"):
        encode_frame(uid, Frame(samples, "MONOCHROME2"), description, 90)


def test_overshoot_stays_within_bits_stored() -> None:
    samples = np.kron([[0, 1], [1, 0]] * 8, np.full((3, 33), 1023)).astype("uint16")
    description = describe(samples, bits_stored=10)
    encoded = encode_frame(JPEG_EXTENDED, Frame(samples, "MONOCHROME2"), description, 50)
    decoded = decode_frame(encoded_image(JPEG_EXTENDED, description), encoded).samples
    assert decoded.max() == 1023


def test_white_does_not_become_black_in_htj2k() -> None:
    samples = np.kron([[0, 1], [1, 0]] * 8, np.full((3, 33), 255)).astype("uint8")
    encoded = encode_frame(HTJ2K, Frame(samples, "MONOCHROME2"), describe(samples), 40)
    decoded = decode_frame(encoded_image(HTJ2K, describe(samples)), encoded).samples
    assert np.abs(decoded.astype(int) - samples).max() < 128
