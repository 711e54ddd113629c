"""Pictures fitted into boxes, and written as files."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest

from nephele.domain.rendering import (
    Box,
    ImageFormat,
    encode_picture,
    rendered,
    unsupported_picture,
)
from nephele.errors import ParameterOutOfRange, UnsupportedImage
from tests.unit.domain.images import Samples, image_file, noise
from tests.unit.domain.judges import run_judge
from tests.unit.domain.pictures import picture_of

_RAMP = (np.arange(30, dtype=np.uint8) * 8).reshape(6, 5)
_WINDOW = {"center": 128.0, "width": 256.0}

SIZES = {
    "a smaller width": (Box(width=3), (4, 3)),
    "a smaller height": (Box(height=3), (3, 3)),
    "the height binds": (Box(width=10, height=7), (7, 6)),
    "the width binds": (Box(width=4, height=100), (5, 4)),
    "a larger width": (Box(width=10), (12, 10)),
    "its own width": (Box(width=5), (6, 5)),
    "no bounds": (Box(), (6, 5)),
    "one pixel": (Box(width=1), (1, 1)),
    "less than a pixel high": (Box(width=1, height=1), (1, 1)),
}


@pytest.mark.parametrize(("box", "shape"), SIZES.values(), ids=SIZES.keys())
def test_picture_fits_into_its_box(box: Box, shape: tuple[int, int]) -> None:
    """Shapes are those that Orthanc 1.10.1 answers with."""
    assert rendered(picture_of(image_file(_RAMP)), box=box).shape == shape


def test_nearest_neighbours_are_those_of_orthanc() -> None:
    shown = rendered(picture_of(image_file(_RAMP)), box=Box(width=3), **_WINDOW)
    assert shown.tolist() == [[0, 15, 31], [79, 95, 111], [119, 135, 151], [199, 215, 231]]


def test_smoothing_is_that_of_orthanc() -> None:
    shown = rendered(picture_of(image_file(_RAMP)), box=Box(3, 0, is_smooth=True), **_WINDOW)
    assert shown.tolist() == [[17, 30, 43], [82, 95, 108], [122, 135, 148], [187, 200, 213]]


def test_smoothing_keeps_colors_apart() -> None:
    samples = np.zeros((9, 9, 3), np.uint8)
    samples[..., 1] = 200
    box = Box(4, 4, is_smooth=True)
    shown = rendered(picture_of(image_file(samples, "RGB")), box=box)
    assert shown.shape == (4, 4, 3)
    assert (shown == [0, 200, 0]).all()


def test_larger_pictures_are_not_smoothed() -> None:
    picture = picture_of(image_file(_RAMP))
    plain, smooth = (rendered(picture, box=Box(10, 0, is_smooth)) for is_smooth in (False, True))
    assert np.array_equal(plain, smooth)


def test_monochrome1_is_inverted_behind_the_blur() -> None:
    """As Orthanc: what is cut off is cut off in front of the inversion."""
    box = Box(3, 0, is_smooth=True)
    normal, inverted = (
        rendered(picture_of(image_file(_RAMP, photometric)), box=box, **_WINDOW)
        for photometric in ("MONOCHROME2", "MONOCHROME1")
    )
    assert np.array_equal(inverted, 255 - normal)


def test_a_line_stays_a_line() -> None:
    samples = np.zeros((1, 1000), np.uint8)
    assert rendered(picture_of(image_file(samples)), box=Box(width=10)).shape == (1, 10)


TOO_LARGE = {
    "pixels": (_RAMP, Box(width=20_000)),
    "rows": (_RAMP[:, :1], Box(height=66_000)),
    "both, by far": (_RAMP, Box(width=999_999_999)),
}


@pytest.mark.parametrize(("samples", "box"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_picture_that_would_be_too_large_is_refused(samples: Samples, box: Box) -> None:
    encoded = image_file(np.ascontiguousarray(samples))
    with pytest.raises(ParameterOutOfRange, match="width"):
        rendered(picture_of(encoded), box=box)


SHAPES = [
    (1, 1),
    (7, 5),
    (1, 300),
    (300, 1),
    (5000, 2),
    (64, 64),
    (5, 3),
    (1, 1, 3),
    (9, 13, 3),
    (4, 3, 3),
]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("shape", SHAPES)
def test_png_holds_the_samples(shape: tuple[int, ...], bits: int) -> None:
    samples = noise(shape, bits, dtype=f"uint{bits}")
    assert np.array_equal(_read_png(encode_picture(samples, ImageFormat.PNG)), samples)


def _read_png(encoded: bytes) -> Samples:
    """Read a PNG file by its specification: sections 5, 9 and 11.2."""
    assert encoded[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    file = io.BytesIO(encoded[8:])
    while header := file.read(8):
        content = file.read(int.from_bytes(header[:4], "big"))
        assert int.from_bytes(file.read(4), "big") == zlib.crc32(header[4:] + content)
        chunks[header[4:]] = chunks.get(header[4:], b"") + content
    columns, rows = (int.from_bytes(chunks[b"IHDR"][n : n + 4], "big") for n in (0, 4))
    bits, color_type, *methods = chunks[b"IHDR"][8:]
    assert methods == [0, 0, 0]
    depth = {0: 1, 2: 3}[color_type]
    step = depth * bits // 8
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(rows, -1)
    assert set(lines[:, 0].tolist()) <= {0, 1}, "neither None nor Sub"
    flat = lines[:, 1:].copy()
    for row in np.flatnonzero(lines[:, 0] == 1):
        deltas = flat[row].reshape(columns, step)
        flat[row] = np.cumsum(deltas, axis=0, dtype=np.uint8).ravel()
    samples = flat.reshape(-1).view(f">u{bits // 8}").astype(f"u{bits // 8}")
    return samples.reshape((rows, columns) if depth == 1 else (rows, columns, depth))


def test_png_of_signed_values_keeps_their_bits() -> None:
    samples = np.array([[-1, -32768, 5]], np.int16)
    assert _read_png(encode_picture(samples, ImageFormat.PNG)).tolist() == [[65535, 32768, 5]]


@pytest.mark.parametrize("shape", [(40, 30), (40, 30, 3)], ids=["grey", "colours"])
def test_jpeg_is_read_by_another_program(shape: tuple[int, ...], tmp_path: Path) -> None:
    rows, columns = np.indices(shape[:2])
    samples = (rows * 3 + columns * 2).astype(np.uint8)
    if len(shape) == 3:
        samples = np.stack([samples, 255 - samples, samples // 2], axis=-1)
    encoded = encode_picture(samples, ImageFormat.JPEG, 95)
    wrapped = run_judge(["img2dcm", "--input-format", "JPEG"], encoded, tmp_path)
    dataset = pydicom.dcmread(io.BytesIO(run_judge(["dcmdjpeg"], wrapped, tmp_path)))
    decoded = np.frombuffer(dataset.PixelData, np.uint8)[: samples.size].reshape(shape)
    assert np.abs(decoded.astype(int) - samples).max() <= 6


def test_quality_decides_on_the_size() -> None:
    samples = noise((64, 64), 8, dtype="uint8")
    sizes = [
        len(encode_picture(samples, ImageFormat.JPEG, quality)) for quality in (1, 50, 90, 100)
    ]
    assert sizes == sorted(set(sizes))


def test_jpeg_of_too_many_columns_is_refused() -> None:
    with pytest.raises(UnsupportedImage):
        encode_picture(np.zeros((1, 65_501), np.uint8), ImageFormat.JPEG)


def test_pam_of_8_bits_and_colors() -> None:
    samples = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    assert encode_picture(samples, ImageFormat.PAM) == (
        b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n\0\1\2\3\4\5"
    )


def test_pam_of_16_bits_has_the_high_byte_first() -> None:
    samples = np.array([[1, -2]], np.int16)
    assert encode_picture(samples, ImageFormat.PAM) == (
        b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 65535\nTUPLTYPE GRAYSCALE\nENDHDR\n\0\1\xff\xfe"
    )


def test_unsupported_picture_is_a_picture() -> None:
    assert imagecodecs.png_decode(unsupported_picture()).shape == (256, 256)
