"""Colours: judged by DCMTK, GDCM and pydicom, never by what Nephele makes of them itself."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_color_lut

from nephele.domain.rendering import preview
from nephele.errors import UnsupportedImage
from tests.unit.domain.encoded import real_file, test_file
from tests.unit.domain.images import Samples, image_file, noise
from tests.unit.domain.judges import run_judge
from tests.unit.domain.pictures import picture_of, shown_by_dcmtk

BY_DCMTK = [
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "ExplVR_BigEnd.dcm",
]


@pytest.mark.parametrize("name", BY_DCMTK)
def test_native_colors_are_those_of_dcmtk(name: str, tmp_path: Path) -> None:
    """YBR may differ by one: both round, in different arithmetic."""
    encoded = test_file(name)
    shown = preview(picture_of(encoded)).astype(int)
    judged = shown_by_dcmtk(encoded, tmp_path)
    assert np.abs(shown - judged).max() <= (1 if "ybr" in name else 0)


BY_GDCM = ["SC_rgb_rle.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_gdcm_KY.dcm"]


@pytest.mark.parametrize("name", BY_GDCM)
def test_compressed_colors_are_those_of_gdcm(name: str, tmp_path: Path) -> None:
    """Lossless ones exactly; a lossy one as two decoders of JPEG may differ."""
    encoded = test_file(name)
    judged = pydicom.dcmread(io.BytesIO(run_judge(["gdcmconv", "--raw"], encoded, tmp_path)))
    assert judged.PhotometricInterpretation == "RGB"
    expected = _native(judged)
    shown = preview(picture_of(encoded)).astype(int)
    assert np.abs(shown - expected).max() == 0


def _native(dataset: pydicom.Dataset) -> Samples:
    """Return native samples of 8 bits as they stand in a file, whatever a decoder would do."""
    shape = (dataset.Rows, dataset.Columns, 3)
    flat = np.frombuffer(dataset.PixelData[: shape[0] * shape[1] * 3], np.uint8)
    if dataset.PlanarConfiguration == 0:
        return flat.reshape(shape)
    return flat.reshape(3, *shape[:2]).transpose(1, 2, 0)


BY_DCMDJPEG = [
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_dcmtk_+eb+cy+s2.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "examples_ybr_color.dcm",
]


@pytest.mark.parametrize("name", BY_DCMDJPEG)
def test_lossy_colors_are_near_those_of_dcmtk(name: str, tmp_path: Path) -> None:
    """Subsampled chrominance is interpolated by one decoder, repeated by the other."""
    encoded = real_file(f"test_files/{name}")
    decoded = run_judge(["dcmdjpeg"], encoded, tmp_path)
    judged = shown_by_dcmtk(decoded, tmp_path)
    shown = preview(picture_of(encoded)).astype(int)
    distance = np.abs(shown - judged)
    assert np.percentile(distance, 95) <= 3
    assert distance.mean() < 1.5


@pytest.mark.parametrize("planar", [0, 1])
def test_ybr_full_is_that_of_the_standard(planar: int, tmp_path: Path) -> None:
    """DCMTK cuts where others round, more than once."""
    samples = noise((16, 12, 3), 8, dtype="uint8")
    stored = samples if planar == 0 else np.ascontiguousarray(samples.transpose(2, 0, 1))
    encoded = image_file(stored.reshape(samples.shape), "YBR_FULL", PlanarConfiguration=planar)
    shown = preview(picture_of(encoded)).astype(int)
    assert np.abs(shown - _rgb(samples if planar == 0 else stored.transpose(1, 2, 0))).max() <= 0.5
    assert np.abs(shown - shown_by_dcmtk(encoded, tmp_path)).max() <= 2


def _rgb(ybr: Samples) -> Samples:
    """Convert by the inverse of the matrix of PS3.3 C.7.6.3.1.2, as it stands there."""
    matrix = [[0.2990, 0.5870, 0.1140], [-0.1687, -0.3313, 0.5000], [0.5000, -0.4187, -0.0813]]
    shifted = ybr.astype(float) - [0, 128, 128]
    return (shifted @ np.linalg.inv(np.array(matrix)).T).clip(0, 255)


def _palette(bits: int, count: int, first: int = 0, **attributes: Any) -> dict[str, Any]:
    for channel, color in enumerate(("Red", "Green", "Blue")):
        scale = ((1 << bits) - 1) / max(count - 1, 1)
        entries = np.array([int(n * scale * (channel + 1)) % (1 << bits) for n in range(count)])
        data = entries.astype(np.uint8 if bits == 8 else np.uint16).tobytes()
        attributes[f"{color}PaletteColorLookupTableDescriptor"] = [count % 65536, first, bits]
        attributes[f"{color}PaletteColorLookupTableData"] = data + b"\0" * (len(data) % 2)
    return attributes


PALETTES: dict[str, tuple[Samples, dict[str, Any]]] = {
    "8 bits into 16": (np.arange(256, dtype=np.uint8), _palette(16, 256)),
    "8 bits into 8": (np.arange(256, dtype=np.uint8), _palette(8, 256)),
    "a few entries": (np.arange(256, dtype=np.uint8), _palette(16, 7)),
    "entries from 20 on": (np.arange(256, dtype=np.uint8), _palette(16, 50, 20)),
    "16 bits into 16": (np.arange(0, 65536, 256, dtype=np.uint16), _palette(16, 65536)),
    "16 bits into 8": (np.arange(256, dtype=np.uint16), _palette(8, 300)),
}


@pytest.mark.parametrize(("samples", "attributes"), PALETTES.values(), ids=PALETTES.keys())
def test_palette_is_applied_as_by_dcmtk(
    samples: Samples, attributes: dict[str, Any], tmp_path: Path
) -> None:
    encoded = image_file(samples.reshape(16, 16), "PALETTE COLOR", **attributes)
    shown = preview(picture_of(encoded))
    assert np.array_equal(shown, shown_by_dcmtk(encoded, tmp_path))


@pytest.mark.parametrize(("samples", "attributes"), PALETTES.values(), ids=PALETTES.keys())
def test_palette_is_applied_as_by_pydicom(samples: Samples, attributes: dict[str, Any]) -> None:
    encoded = image_file(samples.reshape(16, 16), "PALETTE COLOR", **attributes)
    dataset = pydicom.dcmread(io.BytesIO(encoded))
    expected = apply_color_lut(samples.reshape(16, 16), dataset)
    shift = 8 if dataset.RedPaletteColorLookupTableDescriptor[2] == 16 else 0
    assert np.array_equal(preview(picture_of(encoded)), expected >> shift)


def test_colors_of_samples_and_entries_of_16_bits_are_kept() -> None:
    samples = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    picture = picture_of(image_file(samples, "PALETTE COLOR", **_palette(16, 65536)))
    assert (picture.samples.dtype, picture.bits_stored) == (np.uint16, 16)
    assert np.array_equal(picture.samples[..., 0], samples)


def _segmented(words: list[int], count: int, bits: int = 16) -> dict[str, Any]:
    data = np.array(words, np.uint16 if bits == 16 else np.uint8).tobytes()
    attributes: dict[str, Any] = {}
    for color in ("Red", "Green", "Blue"):
        attributes[f"{color}PaletteColorLookupTableDescriptor"] = [count, 0, bits]
        attributes[f"Segmented{color}PaletteColorLookupTableData"] = data
    return attributes


SEGMENTS: dict[str, tuple[list[int], int, int, list[int]]] = {
    "discrete": ([0, 4, 1, 3, 3, 7], 4, 8, [1, 3, 3, 7]),
    "linear": ([0, 1, 0, 1, 5, 50], 6, 8, [0, 10, 20, 30, 40, 50]),
    "falling": ([0, 1, 50, 1, 5, 0], 6, 8, [50, 40, 30, 20, 10, 0]),
    "level": ([0, 1, 9, 1, 3, 9], 4, 8, [9, 9, 9, 9]),
    "words": ([0, 1, 0, 1, 4, 0x8000], 5, 16, [0, 0x20, 0x40, 0x60, 0x80]),
    "indirect, from the beginning": (
        [0, 2, 5, 6, 1, 2, 10, 2, 2, 0, 0, 0, 0],
        8,
        8,
        [5, 6, 8, 10, 5, 6, 8, 10],
    ),
    "indirect, words, from the middle": (
        [0, 1, 0x100, 0, 2, 0x200, 0x300, 2, 1, 6, 0],
        5,
        16,
        [1, 2, 3, 2, 3],
    ),
    "indirect, a line goes on from what is there": (
        [0, 1, 0, 1, 2, 20, 0, 1, 100, 2, 1, 3, 0, 0, 0],
        6,
        8,
        [0, 10, 20, 100, 60, 20],
    ),
}


@pytest.mark.parametrize(
    ("words", "count", "bits", "expected"), SEGMENTS.values(), ids=SEGMENTS.keys()
)
def test_segmented_palette(words: list[int], count: int, bits: int, expected: list[int]) -> None:
    """Expected by hand from PS3.3 C.7.9.2; offsets are in bytes."""
    samples = np.arange(count, dtype=np.uint8).reshape(1, count)
    encoded = image_file(samples, "PALETTE COLOR", **_segmented(words, count, bits))
    assert preview(picture_of(encoded))[0, :, 0].tolist() == expected


@pytest.mark.parametrize("bits", [8, 16])
def test_segmented_palette_is_that_of_pydicom(bits: int) -> None:
    generator = np.random.default_rng(bits)
    words, count = [0, 1, 0], 1
    while count < 250:
        length = int(generator.integers(1, 6))
        if generator.random() < 0.5:
            words += [0, length, *generator.integers(0, 1 << bits, length).tolist()]
        else:
            words += [1, length, int(generator.integers(0, 1 << bits))]
        count += length
    samples = np.arange(256, dtype=np.uint8).reshape(16, 16)
    encoded = image_file(samples, "PALETTE COLOR", **_segmented(words, count, bits))
    dataset = pydicom.dcmread(io.BytesIO(encoded))
    expected = apply_color_lut(samples, dataset) >> (bits - 8)
    shown = preview(picture_of(encoded)).astype(int)
    assert np.array_equal(shown, expected)


DAMAGED: dict[str, tuple[list[int], int]] = {
    "nothing": ([], 4),
    "ends within a segment": ([0, 9, 1, 2], 9),
    "too few entries": ([0, 2, 1, 2], 9),
    "begins with a line": ([1, 4, 9], 4),
    "an unknown segment": ([7, 4, 9], 4),
    "points outside": ([0, 1, 1, 2, 1, 99, 0, 0, 0], 9),
    "points at itself": ([0, 1, 1, 2, 1, 3, 0, 0, 0], 9),
    "entries without end": ([0, 0, 0, 0], 9),
}


@pytest.mark.parametrize(("words", "count"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_segments_are_refused(words: list[int], count: int) -> None:
    samples = np.arange(4, dtype=np.uint8).reshape(2, 2)
    encoded = image_file(samples, "PALETTE COLOR", **_segmented(words, count, 8))
    with pytest.raises(UnsupportedImage):
        preview(picture_of(encoded))


def test_segments_of_no_length_end() -> None:
    """A linear segment of no entries divides by nothing."""
    samples = np.arange(4, dtype=np.uint8).reshape(2, 2)
    words = [0, 1, 9, 1, 0, 3, 0, 3, 1, 2, 3]
    encoded = image_file(samples, "PALETTE COLOR", **_segmented(words, 4, 8))
    assert preview(picture_of(encoded))[..., 0].ravel().tolist() == [9, 1, 2, 3]


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_color_keeps_the_highest_stored_bits(bits: int) -> None:
    samples = noise((5, 4, 3), bits, dtype="uint8" if bits == 8 else "uint16")
    shown = preview(picture_of(image_file(samples, "RGB", bits_stored=bits)))
    assert np.array_equal(shown, samples >> (bits - 8))
