"""Frames as numbers: clamped, as arrays, as text, as they are stored; floating point."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from nephele.domain.rendering import (
    ArrayForm,
    ArrayWriter,
    VoiFunction,
    Window,
    array_of,
    clamped,
    iter_pictures,
    matlab_of,
    open_pixels,
    preview,
    read_raw_frame,
    rendered,
)
from nephele.errors import IncompatibleImages, UnsupportedImage
from tests.unit.domain.encoded import test_file
from tests.unit.domain.images import Samples, image_file, noise
from tests.unit.domain.pictures import changed, picture_of

_UNSIGNED = np.array([[0, 255, 256, 32767, 32768, 65535]], np.uint16)
_SIGNED = np.array([[-32768, -256, -1, 0, 255, 256, 32767]], np.int16)
_LONG = np.array([[-(1 << 31), -1, 0, 70_000, (1 << 31) - 1]], np.int32)

CLAMPED: dict[str, tuple[Samples, str, list[int]]] = {
    "unsigned to 8": (_UNSIGNED, "u1", [0, 255, 255, 255, 255, 255]),
    "unsigned to 16": (_UNSIGNED, "u2", [0, 255, 256, 32767, 32768, 65535]),
    "unsigned to signed": (_UNSIGNED, "i2", [0, 255, 256, 32767, 32767, 32767]),
    "signed to 8": (_SIGNED, "u1", [0, 0, 0, 0, 255, 255, 255]),
    "signed to unsigned": (_SIGNED, "u2", [0, 0, 0, 0, 255, 256, 32767]),
    "signed to signed": (_SIGNED, "i2", [-32768, -256, -1, 0, 255, 256, 32767]),
    "32 bits to signed": (_LONG, "i2", [-32768, -1, 0, 32767, 32767]),
    "32 bits to unsigned": (_LONG, "u2", [0, 0, 0, 65535, 65535]),
}


@pytest.mark.parametrize(("samples", "dtype", "expected"), CLAMPED.values(), ids=CLAMPED.keys())
def test_values_are_clamped(samples: Samples, dtype: str, expected: list[int]) -> None:
    result = clamped(picture_of(image_file(samples)), dtype)
    assert (result.dtype, result.ravel().tolist()) == (np.dtype(dtype), expected)


def test_values_are_neither_rescaled_nor_inverted() -> None:
    encoded = image_file(
        _UNSIGNED, "MONOCHROME1", RescaleSlope="2", RescaleIntercept="1", WindowCenter="1",
        WindowWidth="1",
    )  # fmt: skip
    assert np.array_equal(clamped(picture_of(encoded), "u2"), _UNSIGNED)


def test_colors_are_not_clamped() -> None:
    with pytest.raises(UnsupportedImage):
        clamped(picture_of(test_file("SC_rgb_small_odd.dcm")), "u1")


def _loaded(encoded: bytes, form: ArrayForm, frames: int | None = 1) -> Samples:
    image = open_pixels(io.BytesIO(encoded))
    arrays = [array_of(one, form) for one in iter_pictures(image, range(frames or 1))]
    file = io.BytesIO()
    with ArrayWriter(file, arrays[0], frames, form) as writer:
        for array in arrays:
            writer.write(array)
    file.seek(0)
    loaded: Any = np.load(file)
    if form.is_compressed:
        assert zipfile.ZipFile(file).namelist() == ["arr_0"]
        loaded = loaded["arr_0"]
    samples: Samples = loaded
    return samples


@pytest.mark.parametrize("is_compressed", [False, True], ids=["npy", "npz"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_array_holds_stored_values(dtype: str, is_compressed: bool) -> None:
    samples = noise((3, 5, 4), 7, dtype=dtype)
    loaded = _loaded(image_file(samples, frames=3), ArrayForm(False, is_compressed), 3)
    assert (loaded.shape, loaded.dtype) == ((3, 5, 4, 1), np.dtype(dtype))
    assert np.array_equal(loaded[..., 0], samples)


def test_array_holds_values_of_the_modality() -> None:
    encoded = test_file("CT_small.dcm")
    dataset = pydicom.dcmread(io.BytesIO(encoded))
    expected = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    loaded = _loaded(encoded, ArrayForm())
    assert (loaded.shape, loaded.dtype) == ((1, 128, 128, 1), np.dtype("<f4"))
    assert np.array_equal(loaded[0, ..., 0], expected)


def test_array_of_one_frame_has_no_dimension_of_frames() -> None:
    assert _loaded(test_file("MR_small.dcm"), ArrayForm(), None).shape == (64, 64, 1)


@pytest.mark.parametrize("is_rescaled", [False, True])
def test_array_of_colors_is_never_rescaled(is_rescaled: bool) -> None:
    encoded = test_file("SC_rgb_small_odd.dcm")
    expected = pydicom.dcmread(io.BytesIO(encoded)).pixel_array
    loaded = _loaded(encoded, ArrayForm(is_rescaled))
    assert loaded.dtype == np.uint8
    assert np.array_equal(loaded[0], expected)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        pytest.param(np.zeros((4, 6), np.uint8), "size", id="another size"),
        pytest.param(np.zeros((4, 5), np.uint16), "type", id="another type"),
        pytest.param(np.zeros((4, 5, 3), np.uint8), "size", id="colours"),
    ],
)
def test_frames_that_differ_are_no_array(other: Samples, what: str) -> None:
    first = array_of(picture_of(image_file(np.zeros((4, 5), np.uint8))), ArrayForm(False))
    photometric = "RGB" if other.ndim == 3 else "MONOCHROME2"
    second = array_of(picture_of(image_file(other, photometric)), ArrayForm(False))
    with (
        ArrayWriter(io.BytesIO(), first, 2, ArrayForm()) as writer,
        pytest.raises(IncompatibleImages, match=what),
    ):
        writer.write(second)


def test_matlab_of_grey() -> None:
    samples = np.array([[-1, 2], [3, 40]], np.int16)
    assert matlab_of(picture_of(image_file(samples))) == "double([ -1 2 ; 3 40 ])"


def test_matlab_of_colors() -> None:
    samples = np.arange(12, dtype=np.uint8).reshape(1, 4, 3)
    text = matlab_of(picture_of(image_file(samples, "RGB")))
    assert text == ("double(permute(reshape([ 0 1 2 3 4 5 6 7 8 9 10 11 ], [ 3 4 1 ]), [ 3 2 1 ]))")


def test_raw_frame_is_as_it_is_stored() -> None:
    samples = noise((2, 4, 5), 12)
    image = open_pixels(io.BytesIO(image_file(samples, bits_stored=12, frames=2)))
    assert read_raw_frame(image, 1) == samples[1].tobytes()


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("rtdose_expb_1frame.dcm", "rtdose_1frame.dcm"),
        ("SC_rgb_small_odd_big_endian.dcm", "SC_rgb_small_odd.dcm"),
    ],
)
def test_raw_frame_of_big_endian_is_little_endian(name: str, twin: str) -> None:
    raw, expected = (
        read_raw_frame(open_pixels(io.BytesIO(test_file(file))), 0) for file in (name, twin)
    )
    assert raw == expected


def test_raw_frame_that_is_compressed_is_its_code_stream() -> None:
    encoded = test_file("SC_rgb_jpeg_dcmtk.dcm")
    dataset = pydicom.dcmread(io.BytesIO(encoded))
    stream = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    assert read_raw_frame(open_pixels(io.BytesIO(encoded)), 0) == stream


def test_wide_integers_are_stretched() -> None:
    low = (1 << 32) - 256
    samples = np.arange(low, low + 256, dtype=np.uint32).reshape(16, 16)
    shown = preview(picture_of(image_file(samples)))
    assert shown.ravel().tolist() == list(range(256))


_FLOATS = np.array([[-1.5, 0.0, 0.25], [0.5, 1.0, 2.5]])


def _float_file(dtype: str, samples: Samples = _FLOATS, **attributes: Any) -> bytes:
    def replace(dataset: Dataset) -> None:
        for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(dataset, keyword)
        keyword = "FloatPixelData" if dtype == "<f4" else "DoubleFloatPixelData"
        setattr(dataset, keyword, samples.astype(dtype).tobytes())
        dataset.BitsAllocated = 32 if dtype == "<f4" else 64
        for name, value in attributes.items():
            setattr(dataset, name, value)

    return changed(image_file(np.zeros(samples.shape[-2:], np.uint16)), replace)


FLOATS = pytest.mark.parametrize("dtype", ["<f4", "<f8"], ids=["float", "double"])


@FLOATS
def test_floating_point_is_stretched(dtype: str) -> None:
    shown = preview(picture_of(_float_file(dtype)))
    expected = np.floor((_FLOATS + 1.5) / 4 * 255 + 0.5)
    assert np.array_equal(shown, expected)


@FLOATS
def test_floating_point_without_a_window_shows_its_range(dtype: str) -> None:
    shown = rendered(picture_of(_float_file(dtype)))
    assert np.array_equal(shown, np.floor((_FLOATS + 1.5) / 4 * 255))


@FLOATS
def test_floating_point_in_a_narrow_window(dtype: str) -> None:
    shown = rendered(picture_of(_float_file(dtype, WindowCenter="0.5", WindowWidth="0.5")))
    assert shown.tolist() == [[0, 0, 0], [127, 255, 255]]


@FLOATS
def test_floating_point_is_rescaled(dtype: str) -> None:
    encoded = _float_file(dtype, RescaleSlope="2", RescaleIntercept="1")
    shown = rendered(picture_of(encoded), window=Window(1, 10, VoiFunction.LINEAR_EXACT))
    values = 2 * _FLOATS + 1
    assert np.array_equal(shown, np.floor((values - 1 + 5) / 10 * 255))
    loaded = _loaded(encoded, ArrayForm())
    assert loaded.dtype == np.dtype("<f4")
    assert np.array_equal(loaded[0, ..., 0], values)


@FLOATS
def test_floating_point_as_numbers(dtype: str) -> None:
    picture = picture_of(_float_file(dtype))
    assert clamped(picture, "i2").tolist() == [[-2, 0, 0], [0, 1, 2]]
    assert _loaded(_float_file(dtype), ArrayForm(False)).dtype == np.dtype(dtype)
    assert matlab_of(picture) == "double([ -1.5 0.0 0.25 ; 0.5 1.0 2.5 ])"


@FLOATS
def test_frames_of_floating_point(dtype: str) -> None:
    samples = np.stack([_FLOATS, _FLOATS * 2])
    encoded = _float_file(dtype, samples, NumberOfFrames=2)
    assert np.array_equal(picture_of(encoded, 1).samples, samples[1])


def test_what_is_no_number_is_the_least() -> None:
    samples = np.array([[0.0, np.nan, 2.0], [1.0, np.inf, -np.inf]])
    picture = picture_of(_float_file("<f4", samples))
    assert preview(picture).tolist() == [[0, 0, 255], [128, 255, 0]]
    assert rendered(picture).tolist() == [[0, 0, 255], [127, 255, 0]]


def test_nothing_but_what_is_no_number_is_black() -> None:
    picture = picture_of(_float_file("<f4", np.full((2, 3), np.nan)))
    assert preview(picture).max() == rendered(picture).max() == 0


@pytest.mark.parametrize("size", [8, 16])
def test_floating_point_that_is_too_short_is_refused(size: int) -> None:
    def cut(dataset: Dataset) -> None:
        dataset.FloatPixelData = dataset.FloatPixelData[:size]

    with pytest.raises(UnsupportedImage):
        picture_of(changed(_float_file("<f4"), cut))
