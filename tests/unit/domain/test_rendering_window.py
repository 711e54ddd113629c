"""Rendered pictures: the arithmetic of windows and tables, by reference and by judges."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from nephele.domain.rendering import VoiFunction, Window, rendered
from nephele.errors import UnsupportedImage
from tests.unit.domain.encoded import test_file
from tests.unit.domain.images import Samples, image_file
from tests.unit.domain.pictures import picture_of, shown_by_dcmtk

WINDOWS = {
    "a CT's": (40.0, 400.0),
    "narrow": (100.0, 2.0),
    "as narrow as it can be": (100.0, 1.0),
    "with fractions": (1000.5, 333.3),
    "below all values": (-5000.0, 10.0),
    "above all values": (5000.0, 10.0),
    "wider than all values": (0.0, 100_000.0),
}


def linear(x: float, c: float, w: float) -> float:
    """Return the shade of PS3.3 C.11.2.1.2.1, from 0 to 255."""
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 255.0
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255


def linear_exact(x: float, c: float, w: float) -> float:
    """Return the shade of PS3.3 C.11.2.1.3.2."""
    if x <= c - w / 2:
        return 0.0
    if x > c + w / 2:
        return 255.0
    return ((x - c) / w + 0.5) * 255


def sigmoid(x: float, c: float, w: float) -> float:
    """Return the shade of PS3.3 C.11.2.1.3.1."""
    exponent = -4 * (x - c) / w
    return 0.0 if exponent > 700 else 255 / (1 + math.exp(exponent))


REFERENCES: dict[VoiFunction, Callable[[float, float, float], float]] = {
    VoiFunction.LINEAR: linear,
    VoiFunction.LINEAR_EXACT: linear_exact,
    VoiFunction.SIGMOID: sigmoid,
}


@pytest.mark.parametrize("function", VoiFunction)
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS.keys())
def test_shades_are_those_of_the_standard(
    function: VoiFunction, window: tuple[float, float]
) -> None:
    values = np.arange(-1100, 3100, 0.5)
    shades = Window(*window, function).shades(values)
    expected = [REFERENCES[function](float(value), *window) for value in values]
    np.testing.assert_allclose(shades, expected, rtol=0, atol=1e-9)


_RAMP = np.arange(-1024, 3072, dtype=np.int16).reshape(64, 64)


def assert_shown(shown: Samples, samples: Samples, shade: Callable[[float], float]) -> None:
    """Compare with the reference, rounded down; what is a whole number may fall on either side."""
    reference = np.array([shade(float(value)) for value in samples.ravel()])
    low, high = np.floor(reference - 1e-9).clip(0, 255), np.floor(reference + 1e-9).clip(0, 255)
    assert ((low <= shown.ravel()) & (shown.ravel() <= high)).all()


@pytest.mark.parametrize("stated", [*VoiFunction, None], ids=lambda stated: stated or "none stated")
def test_window_of_the_file(stated: VoiFunction | None) -> None:
    attributes: dict[str, Any] = {"WindowCenter": "40", "WindowWidth": "400"}
    if stated is not None:
        attributes["VOILUTFunction"] = str(stated)
    shown = rendered(picture_of(image_file(_RAMP, **attributes)))
    reference = REFERENCES[stated or VoiFunction.LINEAR_EXACT]
    assert_shown(shown, _RAMP, lambda x: reference(x, 40, 400))


@pytest.mark.parametrize("function", VoiFunction)
def test_window_that_is_asked_for_is_applied_as_the_standard_has_it(function: VoiFunction) -> None:
    picture = picture_of(image_file(_RAMP, WindowCenter="1", WindowWidth="2"))
    shown = rendered(picture, window=Window(500, 1000, function))
    reference = REFERENCES[function]
    assert_shown(shown, _RAMP, lambda x: reference(x, 500, 1000))


RESCALES = {
    "a CT's": ("1", "-1024"),
    "a fraction": ("0.5", "3.25"),
    "negative": ("-1", "100"),
    "tiny": ("1e-5", "0"),
    "nothing": ("0", "7"),
}


@pytest.mark.parametrize(("slope", "intercept"), RESCALES.values(), ids=RESCALES.keys())
def test_values_are_rescaled(slope: str, intercept: str) -> None:
    picture = picture_of(image_file(_RAMP, RescaleSlope=slope, RescaleIntercept=intercept))
    shown = rendered(picture, center=30, width=1500)
    assert_shown(
        shown, _RAMP, lambda x: linear_exact(x * float(slope) + float(intercept), 30, 1500)
    )


UNUSABLE = {
    "a slope alone": {"RescaleSlope": "2"},
    "an intercept alone": {"RescaleIntercept": "100"},
    "a slope that is empty": {"RescaleSlope": "", "RescaleIntercept": "100"},
    "a dose": {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2",
        "RescaleSlope": "2",
        "RescaleIntercept": "100",
    },
}


@pytest.mark.parametrize("attributes", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_values_are_not_rescaled_by(attributes: dict[str, str]) -> None:
    shown = rendered(picture_of(image_file(_RAMP, **attributes)), center=0, width=1000)
    assert_shown(shown, _RAMP, lambda x: linear_exact(x, 0, 1000))


OVERRIDDEN = {
    "the centre": ((50.0, None), (50, 400)),
    "the width": ((None, 10.0), (40, 10)),
    "both": ((50.0, 10.0), (50, 10)),
    "a width of nothing": ((None, 0.0), (40, 1)),
    "a negative width": ((None, -7.0), (40, 1)),
}


@pytest.mark.parametrize(("given", "used"), OVERRIDDEN.values(), ids=OVERRIDDEN.keys())
def test_window_of_the_file_is_replaced(
    given: tuple[float | None, float | None], used: tuple[float, float]
) -> None:
    picture = picture_of(image_file(_RAMP, WindowCenter="40", WindowWidth="400"))
    shown = rendered(picture, center=given[0], width=given[1])
    assert_shown(shown, _RAMP, lambda x: linear_exact(x, *used))


DEFAULTS: dict[str, tuple[Samples, int, float]] = {
    "8 bits": (np.arange(256, dtype=np.uint8).reshape(16, 16), 8, 256),
    "12 bits": (np.arange(4096, dtype=np.uint16).reshape(64, 64), 12, 4096),
    "16 bits": (np.arange(65536, dtype=np.uint16).reshape(256, 256), 16, 65536),
    "32 bits": (np.array([[0, 1 << 30, 1 << 31, (1 << 32) - 1]], np.uint32), 32, 2.0**32),
}


@pytest.mark.parametrize(("samples", "bits", "width"), DEFAULTS.values(), ids=DEFAULTS.keys())
def test_without_a_window_all_stored_values_are_shown(
    samples: Samples, bits: int, width: float
) -> None:
    shown = rendered(picture_of(image_file(samples, bits_stored=bits)))
    assert_shown(shown, samples, lambda x: linear_exact(x, width / 2, width))


def test_first_of_several_windows_counts() -> None:
    picture = picture_of(image_file(_RAMP, WindowCenter=["40", "9"], WindowWidth=["400", "9"]))
    assert_shown(rendered(picture), _RAMP, lambda x: linear_exact(x, 40, 400))


def test_monochrome1_is_inverted_behind_the_window() -> None:
    attributes = {"WindowCenter": "40", "WindowWidth": "400"}
    normal, inverted = (
        rendered(picture_of(image_file(_RAMP, photometric, **attributes)))
        for photometric in ("MONOCHROME2", "MONOCHROME1")
    )
    assert np.array_equal(inverted, 255 - normal)


def _item(**attributes: Any) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _of(**attributes: Any) -> Sequence:
    return Sequence([_item(**attributes)])


def _frames(count: int) -> Samples:
    return np.stack([_RAMP] * count)


def test_functional_groups_of_each_frame() -> None:
    windows = ((40, 400), (1000, 50))
    groups = Sequence(
        [
            _item(
                PixelValueTransformationSequence=_of(RescaleSlope="2", RescaleIntercept=str(n)),
                FrameVOILUTSequence=_of(WindowCenter=str(c), WindowWidth=str(w)),
            )
            for n, (c, w) in enumerate(windows)
        ]
    )
    encoded = image_file(_frames(2), frames=2, PerFrameFunctionalGroupsSequence=groups)
    for n, (c, w) in enumerate(windows):
        shade = partial(lambda x, n, c, w: linear_exact(2 * x + n, c, w), n=n, c=c, w=w)
        assert_shown(rendered(picture_of(encoded, n)), _RAMP, shade)


def test_functional_groups_shared_by_all_frames() -> None:
    shared = _of(
        PixelValueTransformationSequence=_of(RescaleSlope="0.5", RescaleIntercept="-7"),
        FrameVOILUTSequence=_of(WindowCenter="10", WindowWidth="77", VOILUTFunction="SIGMOID"),
    )
    encoded = image_file(_frames(2), frames=2, SharedFunctionalGroupsSequence=shared)
    assert_shown(rendered(picture_of(encoded, 1)), _RAMP, lambda x: sigmoid(0.5 * x - 7, 10, 77))


def test_attributes_of_the_top_win_over_functional_groups() -> None:
    shared = _of(FrameVOILUTSequence=_of(WindowCenter="10", WindowWidth="77"))
    encoded = image_file(
        _RAMP, SharedFunctionalGroupsSequence=shared, WindowCenter="40", WindowWidth="400"
    )
    assert_shown(rendered(picture_of(encoded)), _RAMP, lambda x: linear_exact(x, 40, 400))


def _table(first: int, entries: list[int], bits: int = 16) -> Sequence:
    item = _item(LUTDescriptor=[len(entries), first, bits], LUTData=entries)
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item["LUTData"].VR = "US"
    return Sequence([item])


def _modality_table(first: int, entries: list[int], bits: int = 16) -> Sequence:
    table = _table(first, entries, bits)
    table[0].ModalityLUTType = "US"
    return table


_SMALL = np.array([[-5, -2, -1, 0, 1, 2, 40]], np.int16)


def test_voi_table() -> None:
    table = _table(-2, [0, 16384, 32768, 49152, 65535])
    shown = rendered(picture_of(image_file(_SMALL, VOILUTSequence=table)))
    assert shown.tolist() == [[0, 0, 63, 127, 191, 255, 255]]


def test_voi_table_of_fewer_bits_is_spread_over_all_shades() -> None:
    table = _table(0, [0, 1023, 2047, 4095], bits=12)
    samples = np.arange(4, dtype=np.uint16).reshape(1, 4)
    shown = rendered(picture_of(image_file(samples, bits_stored=12, VOILUTSequence=table)))
    assert shown.tolist() == [[0, 63, 127, 255]]


def test_window_wins_over_a_voi_table() -> None:
    table = _table(0, [255, 0], bits=8)
    encoded = image_file(_RAMP, VOILUTSequence=table, WindowCenter="40", WindowWidth="400")
    assert_shown(rendered(picture_of(encoded)), _RAMP, lambda x: linear_exact(x, 40, 400))


def test_voi_table_is_in_a_functional_group() -> None:
    shared = _of(FrameVOILUTSequence=_of(VOILUTSequence=_table(-2, [0, 0, 65535, 0, 0])))
    shown = rendered(picture_of(image_file(_SMALL, SharedFunctionalGroupsSequence=shared)))
    assert shown.tolist() == [[0, 0, 0, 255, 0, 0, 0]]


def test_modality_table() -> None:
    samples = np.array([[0, 1, 2, 3, 9]], np.uint8)
    encoded = image_file(samples, ModalityLUTSequence=_modality_table(1, [10, 200, 1000]))
    shown = rendered(picture_of(encoded), center=500, width=1000)
    assert shown.tolist() == [[2, 2, 51, 255, 255]]


def test_table_that_is_too_short_is_refused() -> None:
    table = _table(0, [0, 1, 2])
    table[0].LUTDescriptor = [4000, 0, 16]
    with pytest.raises(UnsupportedImage, match="shorter"):
        rendered(picture_of(image_file(_SMALL, VOILUTSequence=table)))


SHOWN = {
    "a window": (
        {"WindowCenter": "300", "WindowWidth": "1500", "VOILUTFunction": "LINEAR"},
        ["--use-window", "1"],
    ),
    "a rescaled window": (
        {
            "RescaleSlope": "2",
            "RescaleIntercept": "-1024",
            "RescaleType": "HU",
            "WindowCenter": "40",
            "WindowWidth": "400",
            "VOILUTFunction": "LINEAR",
        },
        ["--use-window", "1"],
    ),
    "a sigmoid": (
        {"WindowCenter": "300", "WindowWidth": "1500", "VOILUTFunction": "SIGMOID"},
        ["--use-window", "1"],
    ),
    "a VOI table": (
        {"VOILUTSequence": _table(0, [n * n // 256 for n in range(4096)])},
        ["--use-voi-lut", "1"],
    ),
    "a VOI table of 12 bits": (
        {"VOILUTSequence": _table(100, [n // 2 for n in range(4000)], bits=12)},
        ["--use-voi-lut", "1"],
    ),
    "a modality table": (
        {
            "ModalityLUTSequence": _modality_table(0, [4095 - n for n in range(4096)]),
            "WindowCenter": "2000",
            "WindowWidth": "3000",
            "VOILUTFunction": "LINEAR",
        },
        ["--use-window", "1"],
    ),
}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("attributes", "options"), SHOWN.values(), ids=SHOWN.keys())
def test_dcmtk_shows_the_same(
    attributes: dict[str, Any], options: list[str], photometric: str, tmp_path: Path
) -> None:
    """Judge by DCMTK; where a shade is between two, it may take the other one."""
    samples = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    encoded = image_file(samples, photometric, bits_stored=12, **attributes)
    shown = rendered(picture_of(encoded)).astype(int)
    judged = shown_by_dcmtk(encoded, tmp_path, *options)
    assert np.abs(shown - judged).max() <= 1


REAL = {"MR_small.dcm": ["--use-window", "1"], "CT_small.dcm": ["--set-window", "40", "400"]}


@pytest.mark.parametrize(("name", "options"), REAL.items(), ids=REAL.keys())
def test_real_file_is_shown_as_by_dcmtk(name: str, options: list[str], tmp_path: Path) -> None:
    """Judge Orthanc's arithmetic, which differs from DCMTK's LINEAR by half a value."""
    encoded = test_file(name)
    numbers = [float(option) for option in options[1:]]
    window = dict(zip(("center", "width"), numbers, strict=True)) if len(numbers) == 2 else {}
    shown = rendered(picture_of(encoded), **window)
    judged = shown_by_dcmtk(encoded, tmp_path, *options)
    assert np.abs(shown.astype(int) - judged).max() <= 1
