"""Frames are found however they are laid out, and laid out as PS3.5 A.4 has it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset

from nephele.domain.transcoding import TARGETS, transcode
from tests.transcoding.images import KINDS
from tests.transcoding.judges import decode, frames_of, native, read
from tests.transcoding.layouts import LAYOUTS, fragments_alone
from tests.transcoding.sources import source_files
from tests.transcoding.syntaxes import LOSSY, NATIVE, RECODED, UIDS

_KIND = "three frames"
_LOSSLESS = [one for one in UIDS if one not in (*NATIVE, *LOSSY, RECODED)]


@pytest.mark.parametrize("syntax", _LOSSLESS)
@pytest.mark.parametrize("lay_out", LAYOUTS, ids=[one.__name__ for one in LAYOUTS])
def test_frames_are_found(lay_out: Callable[[Dataset, list[bytes]], bytes], syntax: str) -> None:
    if lay_out is fragments_alone and syntax == "rle":
        pytest.skip("an RLE frame is one fragment: PS3.5 A.4.2")
    encoded = next(one for one in source_files(_KIND) if one.syntax == syntax).encoded
    dataset = read(encoded)
    laid_out = lay_out(dataset, frames_of(dataset))
    for target in ("explicit", "j2k lossless" if syntax == "rle" else "rle"):
        found = decode(transcode(laid_out, UIDS[target]).encoded)
        assert np.array_equal(found.samples, KINDS[_KIND].samples)


@pytest.mark.parametrize(
    "target", [one for one in UIDS if one not in (*NATIVE, RECODED) and UIDS[one] in TARGETS]
)
def test_offset_table_points_at_items(target: str) -> None:
    kind = "three RGB frames" if target == "jpeg baseline" else _KIND
    dataset = read(transcode(KINDS[kind].file(), UIDS[target]).encoded)
    value = dataset.PixelData
    size = int.from_bytes(value[4:8], "little")
    offsets = np.frombuffer(value[8 : 8 + size], "<u4")
    assert len(offsets) == dataset.NumberOfFrames
    assert not dataset.get("ExtendedOffsetTable")
    starts = [8 + size + int(offset) for offset in offsets]
    assert all(value[start : start + 4] == b"\xfe\xff\x00\xe0" for start in starts)
    assert starts == sorted(set(starts))
    assert all(len(frame) % 2 == 0 for frame in frames_of(dataset))


@pytest.mark.parametrize("target", ["explicit", "implicit", "big endian", "deflated", "rle"])
def test_elements_behind_the_pixels_stay(target: str) -> None:
    source = read(KINDS[_KIND].file())
    source.add_new(0xFFFCFFFC, "OB", b"\x01\x02\x03\x04")
    source.add_new(0x7FE10010, "LO", "PRIVATE")
    encoded = next(one for one in LAYOUTS if one.__name__ == "basic_offsets")(
        _as_rle(source), frames_of(_as_rle(source))
    )
    if target == "rle":
        target = "j2k lossless"
    result = read(transcode(encoded, UIDS[target]).encoded)
    assert result[0xFFFCFFFC].value == b"\x01\x02\x03\x04"
    assert result[0x7FE10010].value in ("PRIVATE", b"PRIVATE ")


def _as_rle(dataset: Dataset) -> Dataset:
    rle = read(next(one for one in source_files(_KIND) if one.syntax == "rle").encoded)
    for tag in (0xFFFCFFFC, 0x7FE10010):
        rle[tag] = dataset[tag]
    return rle


def test_odd_native_pixels_are_padded() -> None:
    kind = KINDS["three frames of odd length"]
    source = next(one for one in source_files(kind.name) if one.syntax == "rle")
    result = transcode(source.encoded, UIDS["explicit"]).encoded
    assert len(read(result).PixelData) == 76
    assert np.array_equal(native(result).samples, kind.samples)
