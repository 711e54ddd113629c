"""Pixels and other bulk beside the image: icons, overlays, float pixels, and images without any."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

from nephele.domain.transcoding import TARGETS, transcode
from nephele.errors import NotTranscodable
from tests.transcoding.images import KINDS
from tests.transcoding.judges import decode, frames_of, read, run_tool
from tests.transcoding.sources import source_files
from tests.transcoding.syntaxes import NATIVE, RECODED, UIDS
from tests.transcoding.writing import written
from tests.unit.domain.images import Samples, noise

_TARGETS = [name for name in UIDS if UIDS[name] in TARGETS and name != RECODED]
_ENCAPSULATED = [name for name in _TARGETS if name not in NATIVE]


def _source(syntax: str, kind: str = "12 of 16 bits") -> Dataset:
    return read(next(one for one in source_files(kind) if one.syntax == syntax).encoded)


def _little_endian(encoded: bytes) -> Dataset:
    """Return a data set with OW in little endian: pydicom does not swap it."""
    if read(encoded).file_meta.TransferSyntaxUID == UIDS["big endian"]:
        return read(run_tool(["dcmconv", "+te"], encoded))
    return read(encoded)


def _icon(samples: Samples) -> Dataset:
    icon = Dataset()
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    icon.Rows, icon.Columns = samples.shape
    icon.BitsAllocated = icon.BitsStored = samples.dtype.itemsize * 8
    icon.HighBit, icon.PixelRepresentation = icon.BitsStored - 1, 0
    icon.PixelData = samples.tobytes()
    icon["PixelData"].VR = "OW" if samples.dtype.itemsize > 1 else "OB"
    return icon


_ICONS = [
    pytest.param(noise((6, 10), 8, dtype="uint8"), id="8 bits"),
    pytest.param(noise((6, 10), 12), id="16 bits"),
]


@pytest.mark.parametrize("target", _TARGETS)
@pytest.mark.parametrize("samples", _ICONS)
def test_native_icon(samples: Samples, target: str) -> None:
    dataset = _source("explicit", "8 bits" if target == "jpeg baseline" else "12 of 16 bits")
    dataset.IconImageSequence = [_icon(samples)]
    result = _little_endian(transcode(written(dataset), UIDS[target]).encoded)
    assert result.IconImageSequence[0].PixelData == samples.tobytes()


def _compressed_icon(syntax: str) -> tuple[Dataset, bytes]:
    """Return an icon compressed by DCMTK, and its native samples as DCMTK finds them."""
    commands = {"rle": ("dcmcrle", "dcmdrle"), "jpeg baseline": ("dcmcjpeg +eb", "dcmdjpeg")}
    encode, decode_it = commands.get(syntax, ("dcmcjpls", "dcmdjpls"))
    icon = _icon(noise((6, 10), 8, dtype="uint8"))
    whole = Dataset()
    whole.update(icon)
    whole.SOPClassUID, whole.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3.9"
    whole.file_meta = FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    whole.save_as(file, enforce_file_format=True)
    compressed = run_tool(encode.split(), file.getvalue())
    expected = decode(run_tool([decode_it], compressed)).samples.tobytes()
    icon.PixelData = encapsulate(frames_of(read(compressed)))
    icon["PixelData"].VR = "OB"
    icon["PixelData"].is_undefined_length = True
    return icon, expected


@pytest.mark.parametrize("target", ["implicit", "explicit", "big endian", "deflated", "j2k"])
@pytest.mark.parametrize("syntax", ["rle", "jpeg-ls", "jpeg baseline"])
@pytest.mark.parametrize("depth", [1, 2])
def test_compressed_icon_becomes_native(syntax: str, target: str, depth: int) -> None:
    dataset = _source(syntax, "8 bits")
    icon, expected = _compressed_icon(syntax)
    if depth == 2:
        outer = Dataset()
        outer.IconImageSequence = [icon]
        dataset.ReferencedImageSequence = [outer]
    else:
        dataset.IconImageSequence = [icon]
    result = _little_endian(transcode(written(dataset), UIDS[target]).encoded)
    place = result.ReferencedImageSequence[0] if depth == 2 else result
    found = place.IconImageSequence[0]
    assert found.PixelData == expected
    assert not found["PixelData"].is_undefined_length
    assert (found.Rows, found.Columns, found.BitsAllocated) == (6, 10, 8)


@pytest.mark.parametrize("target", _TARGETS)
def test_overlays_stay(target: str) -> None:
    dataset = _source("explicit", "8 bits" if target == "jpeg baseline" else "12 of 16 bits")
    plane = np.random.default_rng(3).bytes(40 * 56 // 8)
    for tag, vr, value in (
        (0x60020010, "US", 40),
        (0x60020011, "US", 56),
        (0x60020040, "CS", "G"),
        (0x60020050, "SS", [1, 1]),
        (0x60020100, "US", 1),
        (0x60020102, "US", 0),
        (0x60023000, "OW", plane),
    ):
        dataset.add_new(tag, vr, value)
    result = _little_endian(transcode(written(dataset), UIDS[target]).encoded)
    assert result[0x60023000].value == plane
    assert result[0x60020050].value == [1, 1]


def _with_float(dataset: Dataset) -> str:
    del dataset.PixelData
    dataset.BitsAllocated = 32
    dataset.FloatPixelData = np.linspace(-1, 1, 40 * 56).astype("<f4").tobytes()
    return "FloatPixelData"


def _with_double(dataset: Dataset) -> str:
    del dataset.PixelData
    dataset.BitsAllocated = 64
    dataset.DoubleFloatPixelData = np.linspace(-1, 1, 40 * 56).astype("<f8").tobytes()
    return "DoubleFloatPixelData"


def _without_pixels(dataset: Dataset) -> str:
    del dataset.PixelData
    return "Rows"


def _with_empty_pixels(dataset: Dataset) -> str:
    dataset.PixelData = b""
    return "PixelData"


_NO_PIXELS = [_with_float, _with_double, _without_pixels, _with_empty_pixels]
_IDS = [change.__name__.strip("_") for change in _NO_PIXELS]


@pytest.mark.parametrize("target", NATIVE)
@pytest.mark.parametrize("change", _NO_PIXELS, ids=_IDS)
def test_what_is_no_pixel_data_stays(change: Callable[[Dataset], str], target: str) -> None:
    dataset = _source("explicit")
    keyword = change(dataset)
    encoded = written(dataset)
    result = _little_endian(transcode(encoded, UIDS[target]).encoded)
    assert result[keyword].value == read(encoded)[keyword].value


@pytest.mark.parametrize("target", _ENCAPSULATED)
@pytest.mark.parametrize("change", _NO_PIXELS, ids=_IDS)
def test_what_is_no_pixel_data_is_not_compressed(
    change: Callable[[Dataset], str], target: str
) -> None:
    dataset = _source("explicit", "8 bits")
    change(dataset)
    with pytest.raises(NotTranscodable, match=r"PixelData \(7fe0,00"):
        transcode(written(dataset), UIDS[target])


@pytest.mark.parametrize("target", NATIVE)
def test_empty_fragments(target: str) -> None:
    dataset = _source("rle")
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0"
    with pytest.raises(NotTranscodable, match=r"PixelData \(7fe0,0010\)"):
        transcode(written(dataset), UIDS[target])


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.107", "1.2.3.4"])
@pytest.mark.parametrize("target", ["explicit", "j2k lossless"])
def test_video_and_the_unknown_stay(uid: str, target: str) -> None:
    dataset = _source("rle")
    dataset.file_meta.TransferSyntaxUID = UID(uid)
    with pytest.raises(NotTranscodable, match=r"TransferSyntaxUID \(0002,0010\)"):
        transcode(written(dataset), UIDS[target])


def test_kinds_used_here_exist() -> None:
    assert {"8 bits", "12 of 16 bits"} <= set(KINDS)
