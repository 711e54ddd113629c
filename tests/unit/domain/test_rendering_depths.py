"""Every depth of samples, judged by DCMTK's and pydicom's decoders."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from nephele.domain.rendering import rendered
from tests.unit.domain.images import Samples, image_file
from tests.unit.domain.pictures import changed, picture_of, shown_by_dcmtk

_EDGE = 64
DEPTHS = [
    (8, "u1"),
    (8, "i1"),
    (10, "u2"),
    (10, "i2"),
    (12, "u2"),
    (12, "i2"),
    (16, "u2"),
    (16, "i2"),
    (32, "u4"),
    (32, "i4"),
]
JUDGED = pytest.mark.parametrize(
    ("bits", "dtype"), DEPTHS, ids=[f"{bits} bits as {dtype}" for bits, dtype in DEPTHS]
)


def _all_values(bits: int, dtype: str) -> Samples:
    """Return samples from one end of the range to the other."""
    low = -(1 << bits - 1) if dtype.startswith("i") else 0
    steps = np.linspace(low, low + (1 << bits) - 1, _EDGE * _EDGE)
    return np.round(steps).astype(dtype).reshape(_EDGE, _EDGE)


@JUDGED
def test_samples_are_those_of_pydicom(bits: int, dtype: str) -> None:
    encoded = image_file(_all_values(bits, dtype), bits_stored=bits)
    expected = pydicom.dcmread(io.BytesIO(encoded)).pixel_array
    assert np.array_equal(picture_of(encoded).samples, expected)


@JUDGED
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_shows_what_dcmtk_shows(
    bits: int, dtype: str, photometric: str, tmp_path: Path
) -> None:
    """Where a shade is between two, it may be the other one."""
    samples = _all_values(bits, dtype)
    center = int(samples.min()) + (1 << bits - 1)
    window = {"WindowCenter": str(center), "WindowWidth": str(3 << bits - 2)}
    encoded = image_file(samples, photometric, bits_stored=bits, VOILUTFunction="LINEAR", **window)
    shown = rendered(picture_of(encoded)).astype(int)
    assert np.abs(shown - shown_by_dcmtk(encoded, tmp_path, "--use-window", "1")).max() <= 1


@pytest.mark.parametrize("columns", [8, 7], ids=["whole bytes", "rows begin within bytes"])
def test_one_bit(columns: int, tmp_path: Path) -> None:
    bits = np.random.default_rng(1).integers(0, 2, (16, columns), np.uint8)
    packed = np.packbits(bits, bitorder="little").reshape(1, -1)
    encoded = image_file(packed, Rows=16, Columns=columns, BitsAllocated=1, BitsStored=1, HighBit=0)
    picture = picture_of(encoded)
    expected = pydicom.dcmread(io.BytesIO(encoded)).pixel_array
    assert np.array_equal(picture.samples // 255, expected), "shown as 0 and 255, as in Orthanc"
    judged = shown_by_dcmtk(encoded, tmp_path, "--min-max-window")
    assert np.array_equal(rendered(picture), judged)


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floating_point(keyword: str) -> None:
    dtype = "<f4" if keyword == "FloatPixelData" else "<f8"
    values = np.linspace(-1000, 3000, _EDGE * _EDGE).reshape(_EDGE, _EDGE)

    def replace(dataset: Dataset) -> None:
        for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(dataset, name)
        setattr(dataset, keyword, values.astype(dtype).tobytes())
        dataset.BitsAllocated = np.dtype(dtype).itemsize * 8
        dataset.WindowCenter, dataset.WindowWidth = "40", "400"

    encoded = changed(image_file(np.zeros((_EDGE, _EDGE), np.uint16)), replace)
    judged = pydicom.dcmread(io.BytesIO(encoded)).pixel_array
    picture = picture_of(encoded)
    assert np.array_equal(picture.samples, judged)
    exact = np.clip((judged.astype(float) - 40 + 200) / 400 * 255, 0, 255)
    assert np.abs(rendered(picture) - exact).max() <= 1


@pytest.mark.parametrize("frame", [0, 1])
@pytest.mark.parametrize("is_shared", [False, True], ids=["per frame", "shared"])
def test_functional_groups_show_what_dcmtk_shows_of_the_same_at_the_top(
    frame: int, is_shared: bool, tmp_path: Path
) -> None:
    """DCMTK knows no functional groups: it is given each frame with what its group says."""
    samples = np.stack([_all_values(12, "u2"), _all_values(12, "u2")[::-1]])
    windows = [(1500, 2000)] * 2 if is_shared else [(300, 1500), (2000, 900)]
    groups = Sequence([_group(center, width) for center, width in windows])
    name = f"{'Shared' if is_shared else 'PerFrame'}FunctionalGroupsSequence"
    attributes: dict[str, Any] = {name: groups[:1] if is_shared else groups}
    encoded = image_file(samples, bits_stored=12, frames=2, **attributes)
    center, width = windows[frame]
    plain = image_file(
        samples[frame],
        bits_stored=12,
        RescaleSlope="2",
        RescaleIntercept="-100",
        RescaleType="US",
        WindowCenter=str(center),
        WindowWidth=str(width),
        VOILUTFunction="LINEAR",
    )
    shown = rendered(picture_of(encoded, frame)).astype(int)
    assert np.abs(shown - shown_by_dcmtk(plain, tmp_path, "--use-window", "1")).max() <= 1


def _group(center: int, width: int) -> Dataset:
    window, rescaling, group = Dataset(), Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = str(center), str(width)
    window.VOILUTFunction = "LINEAR"
    rescaling.RescaleSlope, rescaling.RescaleIntercept = "2", "-100"
    rescaling.RescaleType = "US"
    group.FrameVOILUTSequence = Sequence([window])
    group.PixelValueTransformationSequence = Sequence([rescaling])
    return group
