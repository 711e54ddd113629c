"""Frames that encoders of other makers wrote, decoded as other makers' decoders do."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from openjpeg.utils import encode_array

from nephele.domain.codecs import decode_frame
from nephele.domain.transfer_syntax import (
    HTJ2K_LOSSLESS,
    JPEG_2000_LOSSLESS,
    JPEG_LS_LOSSLESS,
)
from tests.unit.domain.codecs.files import (
    describe,
    encoded_image,
    first_frame,
    image_of,
    native_samples,
)
from tests.unit.domain.codecs.test_lossy import picture
from tests.unit.domain.images import Samples, image_file, noise
from tests.unit.domain.judges import run_judge

COLOR = noise((40, 44, 3), 8, dtype="uint8")
SIGNED = noise((40, 44), 12, is_signed=True, dtype="int16")
IMAGES = [
    pytest.param(noise((40, 44), 8, dtype="uint8"), "MONOCHROME2", {}, id="8 bits"),
    pytest.param(noise((40, 44), 8), "MONOCHROME2", {"bits_stored": 8}, id="8 of 16"),
    pytest.param(noise((40, 44), 12), "MONOCHROME2", {"bits_stored": 12}, id="12 of 16"),
    pytest.param(SIGNED, "MONOCHROME2", {"bits_stored": 12}, id="12 of 16, signed"),
    pytest.param(noise((40, 44), 16), "MONOCHROME1", {}, id="16 bits"),
    pytest.param(
        noise((40, 44), 16, is_signed=True, dtype="int16"), "MONOCHROME2", {}, id="16 bits, signed"
    ),
    pytest.param(COLOR, "RGB", {}, id="RGB"),
    pytest.param(COLOR, "YBR_FULL", {}, id="YBR_FULL"),
]
ARITHMETIC = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQ"
    "ERMUFRUVDA8XGBYUGBIUFRT/yQALCAAYACABAREA/8wABgAQEAX/2gAIAQEAAD8A/wDsZDU/DHn2WrxzkO52lDEbHYFrnFD3"
    "eHARr4TuFalcrkAXIymp/Lc3NDOcirVdUmTsGLzQjhiA/9k="
)
"""What libjpeg-turbo's `cjpeg -arithmetic -quality 90` made of a ramp; DCMTK writes no such."""

LOSSLESS_ENCODERS = [
    ["dcmcjpeg", "+e1"],
    ["dcmcjpeg", "+el", "+sv", "6"],
    ["dcmcjpeg", "+el", "+sv", "4"],
    ["dcmcjpls", "+el"],
    ["dcmcjpls", "+el", "+il"],
    ["dcmcjpls", "+el", "+in"],
    ["dcmcjpls", "+el", "+is"],
    ["dcmcrle"],
    ["gdcmconv", "--jpeg"],
    ["gdcmconv", "--jpegls"],
    ["gdcmconv", "--j2k"],
    ["gdcmconv", "--rle"],
]


@pytest.mark.parametrize("command", LOSSLESS_ENCODERS, ids=" ".join)
@pytest.mark.parametrize(("samples", "photometric", "options"), IMAGES)
def test_lossless_files_of_other_makers(
    samples: Samples,
    photometric: str,
    options: dict[str, Any],
    command: list[str],
    tmp_path: Path,
) -> None:
    source = image_file(samples, photometric, **options)
    encoded, dataset = first_frame(run_judge(command, source, tmp_path))
    decoded = decode_frame(image_of(dataset), encoded)
    assert decoded.photometric_interpretation == photometric
    assert decoded.samples.dtype == samples.dtype
    assert np.array_equal(decoded.samples, samples)


LOSSY_ENCODERS = [
    (["dcmcjpeg", "+eb"], picture(255, dtype="uint8"), {}),
    (["dcmcjpeg", "+eb"], picture(255, dtype="uint8", samples=3), {"photometric": "RGB"}),
    (["dcmcjpeg", "+eb", "+s4"], picture(255, dtype="uint8", samples=3), {"photometric": "RGB"}),
    (["dcmcjpeg", "+eb", "+cr"], picture(255, dtype="uint8", samples=3), {"photometric": "RGB"}),
    (["dcmcjpeg", "+ee"], picture(4095), {"bits_stored": 12}),
    (["dcmcjpeg", "+ee"], picture(255, dtype="uint8"), {}),
    (["dcmcjpeg", "+es"], picture(255, dtype="uint8"), {}),
    (["dcmcjpeg", "+ep"], picture(255, dtype="uint8"), {}),
    (["dcmcjpeg", "+ep"], picture(255, dtype="uint8", samples=3), {"photometric": "RGB"}),
]


@pytest.mark.parametrize(
    ("command", "samples", "options"),
    [
        pytest.param(*case, id=f"{' '.join(case[0])}-{index}")
        for index, case in enumerate(LOSSY_ENCODERS)
    ],
)
def test_lossy_files_decode_as_dcmtk_has_it(
    command: list[str], samples: Samples, options: dict[str, Any], tmp_path: Path
) -> None:
    compressed = run_judge(command, image_file(samples, **options), tmp_path)
    expected = run_judge(["dcmdjpeg"], compressed, tmp_path)
    encoded, dataset = first_frame(compressed)
    decoded = decode_frame(image_of(dataset), encoded)
    after = pydicom.dcmread(io.BytesIO(expected))
    assert decoded.photometric_interpretation == after.PhotometricInterpretation
    assert np.array_equal(decoded.samples.ravel(), native_samples(expected))


@pytest.mark.parametrize("near", ["1", "3"])
def test_near_lossless_files_decode_as_dcmtk_has_it(near: str, tmp_path: Path) -> None:
    source = image_file(picture(4095), bits_stored=12)
    compressed = run_judge(["dcmcjpls", "+en", "+md", near], source, tmp_path)
    encoded, dataset = first_frame(compressed)
    expected = native_samples(run_judge(["dcmdjpls"], compressed, tmp_path))
    decoded = decode_frame(image_of(dataset), encoded).samples
    assert np.array_equal(decoded.ravel(), expected)
    assert 0 < np.abs(decoded.astype(int) - picture(4095)).max() <= int(near)


def test_arithmetic_coding() -> None:
    drawn = np.add.outer(np.arange(24) * 5, np.arange(32) * 3).astype("uint8")
    image = encoded_image("1.2.840.10008.1.2.4.52", describe(drawn))
    decoded = decode_frame(image, base64.b64decode(ARITHMETIC)).samples
    assert np.abs(decoded.astype(int) - drawn).max() <= 4


def test_stream_without_sign_of_signed_samples() -> None:
    unsigned = (SIGNED & 0xFFF).astype("uint16")
    encoded = encode_array(unsigned, bits_stored=12)
    image = encoded_image(JPEG_2000_LOSSLESS, describe(SIGNED, bits_stored=12))
    assert np.array_equal(decode_frame(image, encoded).samples, SIGNED)


def test_stream_with_a_sign_of_unsigned_samples() -> None:
    unsigned = (SIGNED & 0xFFF).astype("uint16")
    encoded = encode_array(SIGNED, bits_stored=12)
    image = encoded_image(JPEG_2000_LOSSLESS, describe(unsigned, bits_stored=12))
    assert np.array_equal(decode_frame(image, encoded).samples, unsigned)


@pytest.mark.parametrize("uid", [JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS])
def test_jpeg_2000_file_within_a_frame(uid: str) -> None:
    samples = noise((40, 44), 12)
    encoded = encode_array(samples, bits_stored=12, codec_format=1)
    image = encoded_image(uid, describe(samples, bits_stored=12))
    assert np.array_equal(decode_frame(image, encoded).samples, samples)


def test_padding_behind_the_end_is_no_harm(tmp_path: Path) -> None:
    samples = noise((15, 17), 12)
    source = image_file(samples, bits_stored=12)
    encoded, dataset = first_frame(run_judge(["dcmcjpls", "+el"], source, tmp_path))
    assert dataset.file_meta.TransferSyntaxUID == JPEG_LS_LOSSLESS
    decoded = decode_frame(image_of(dataset), encoded.rstrip(b"\0") + b"\0" * 7)
    assert np.array_equal(decoded.samples, samples)


def test_jpeg_ls_of_the_stored_bits_alone(tmp_path: Path) -> None:
    samples = noise((40, 44), 12)
    source = image_file(samples, bits_stored=12)
    cooked = run_judge(["dcmcjpls", "+el", "--prefer-cooked"], source, tmp_path)
    encoded, dataset = first_frame(cooked)
    assert np.array_equal(decode_frame(image_of(dataset), encoded).samples, samples)
