"""Damage that must be noticed: whatever comes of it otherwise is wrong pixels."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset

from nephele.domain.inflate import MAXIMUM_INFLATED_BYTES
from nephele.domain.transcoding import transcode
from nephele.errors import BadFileFormat, NotTranscodable
from tests.transcoding.images import KINDS
from tests.transcoding.judges import frames_of, native, read
from tests.transcoding.layouts import basic_offsets, extended_offsets, no_offsets
from tests.transcoding.limited import LimitedChild
from tests.transcoding.mutations import with_fragments
from tests.transcoding.sources import holds, source_files
from tests.transcoding.syntaxes import NATIVE, RECODED, UIDS
from tests.transcoding.writing import written

_COMPRESSED = [one for one in UIDS if one not in NATIVE]
_KINDS = {"jpeg baseline": "8 bits", RECODED: "8 bits"}
_REFUSED = (BadFileFormat, NotTranscodable)


def _source(syntax: str) -> bytes:
    kind = _KINDS.get(syntax, "12 of 16 bits")
    assert holds(syntax, KINDS[kind])
    return next(one for one in source_files(kind) if one.syntax == syntax).encoded


def _changed(encoded: bytes, **values: object) -> bytes:
    dataset = read(encoded)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return written(dataset)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("syntax", _COMPRESSED)
def test_truncated_stream(syntax: str, share: float) -> None:
    def cut(fragments: list[bytes]) -> None:
        fragments[0] = fragments[0][: int(len(fragments[0]) * share) & ~1]

    with pytest.raises(_REFUSED):
        transcode(with_fragments(_source(syntax), cut), UIDS["explicit"])


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"Rows": 41}, id="a row more"),
        pytest.param({"Rows": 39}, id="a row less"),
        pytest.param({"Columns": 112, "Rows": 20}, id="as many pixels, otherwise"),
        pytest.param({"Rows": 56, "Columns": 40}, id="turned"),
        pytest.param({"NumberOfFrames": 2}, id="a frame more"),
        pytest.param(
            {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0},
            id="color",
        ),
        pytest.param({"Rows": 0}, id="no rows"),
    ],
)
@pytest.mark.parametrize("syntax", _COMPRESSED)
def test_header_that_is_not_the_stream_s(syntax: str, values: dict[str, object]) -> None:
    if syntax == "rle" and set(values) == {"Columns", "Rows"}:
        pytest.skip("an RLE frame knows no rows")
    with pytest.raises(_REFUSED):
        transcode(_changed(_source(syntax), **values), UIDS["explicit"])


@pytest.mark.parametrize("syntax", [one for one in _COMPRESSED if one not in _KINDS])
def test_stream_of_more_bits_than_allocated(syntax: str) -> None:
    damaged = _changed(_source(syntax), BitsAllocated=8, BitsStored=8, HighBit=7)
    with pytest.raises(_REFUSED):
        transcode(damaged, UIDS["explicit"])


@pytest.mark.parametrize("syntax", _COMPRESSED)
@pytest.mark.parametrize("bits", [1, 8, 16, 32])
def test_vast_image_over_little_data(syntax: str, bits: int, limited_child: LimitedChild) -> None:
    damaged = _changed(_source(syntax), Rows=65535, Columns=65535, BitsAllocated=bits)
    for target in ("explicit", "rle", "j2k lossless"):
        outcome = limited_child.transcode(damaged, UIDS[target])
        assert outcome.kind in ("refused", "result" if target == syntax else "refused"), outcome
        assert outcome.peak_mebibytes < 64


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "deflated", "big endian"])
def test_vast_native_image(syntax: str, limited_child: LimitedChild) -> None:
    encoded = next(one for one in source_files("8 bits") if one.syntax == syntax).encoded
    damaged = _changed(encoded, Rows=65535, Columns=65535)
    for target in ("rle", "j2k lossless"):
        outcome = limited_child.transcode(damaged, UIDS[target])
        assert outcome.kind == "refused", outcome
        assert outcome.peak_mebibytes < 64


def test_deflate_bomb(limited_child: LimitedChild) -> None:
    encoded = next(one for one in source_files("8 bits") if one.syntax == "deflated").encoded
    start = 144 + int.from_bytes(encoded[140:144], "little")
    deflater = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = MAXIMUM_INFLATED_BYTES + (8 << 20)
    parts = [deflater.compress(struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, size))]
    block = bytes(1 << 22)
    parts.extend(deflater.compress(block) for _ in range(size >> 22))
    bomb = encoded[:start] + b"".join(parts) + deflater.flush()
    outcome = limited_child.transcode(bomb, UIDS["rle"])
    assert outcome.kind == "refused", outcome
    assert "inflates" in outcome.message
    assert outcome.peak_mebibytes < 64


@pytest.mark.parametrize("lay_out", [basic_offsets, no_offsets, extended_offsets])
@pytest.mark.parametrize("syntax", ["rle", "jpeg lossless sv1", "jpeg-ls", "j2k lossless"])
@pytest.mark.parametrize("gone", [0, 1, 2])
def test_fragment_missing(
    lay_out: Callable[[Dataset, list[bytes]], bytes], syntax: str, gone: int
) -> None:
    encoded = next(one for one in source_files("three frames") if one.syntax == syntax).encoded
    dataset = read(encoded)
    laid_out = lay_out(dataset, frames_of(dataset))
    with pytest.raises(_REFUSED):
        transcode(with_fragments(laid_out, lambda parts: parts.pop(gone)), UIDS["explicit"])


def _tables() -> list[bytes]:
    chance = random.Random(1)  # noqa: S311
    fixed = [(0, 0, 0), (0, 4, 8), (8, 16, 24), (0, 1 << 31, 0xFFFFFFFE), (0,), (0, 0xFFFFFFFF)]
    made = [tuple(chance.getrandbits(10) for _ in range(3)) for _ in range(10)]
    return [struct.pack(f"<{len(table)}I", *table) for table in (*fixed, *made)]


@pytest.mark.parametrize("table", _tables(), ids=lambda table: table.hex())
@pytest.mark.parametrize("syntax", ["rle", "jpeg lossless sv1", "jpeg-ls", "j2k lossless"])
def test_offsets_that_point_at_no_frame(syntax: str, table: bytes) -> None:
    encoded = next(one for one in source_files("three frames") if one.syntax == syntax).encoded
    damaged = with_fragments(encoded, lambda parts: None, table)
    try:
        result = transcode(damaged, UIDS["explicit"]).encoded
    except _REFUSED:
        return
    assert np.array_equal(native(result).samples, KINDS["three frames"].samples)


@pytest.mark.parametrize(
    ("offsets", "lengths"),
    [
        pytest.param((0, 0, 0), (10, 10, 10), id="all the same"),
        pytest.param((0, 1 << 40, 1 << 60), (10, 10, 10), id="behind the end"),
        pytest.param(((1 << 64) - 1, 0, 0), ((1 << 64) - 1,) * 3, id="overflow"),
        pytest.param((0, 2, 4), (2, 2, 2), id="within an item"),
    ],
)
@pytest.mark.parametrize("syntax", ["rle", "jpeg-ls"])
def test_extended_offsets_that_point_at_no_frame(
    syntax: str, offsets: tuple[int, ...], lengths: tuple[int, ...]
) -> None:
    encoded = next(one for one in source_files("three frames") if one.syntax == syntax).encoded
    dataset = read(encoded)
    laid_out = read(extended_offsets(dataset, frames_of(dataset)))
    laid_out.ExtendedOffsetTable = struct.pack("<3Q", *offsets)
    laid_out.ExtendedOffsetTableLengths = struct.pack("<3Q", *lengths)
    try:
        result = transcode(written(laid_out), UIDS["explicit"]).encoded
    except _REFUSED:
        return
    assert np.array_equal(native(result).samples, KINDS["three frames"].samples)


@pytest.mark.parametrize("syntax", ["rle", "jpeg lossless sv1", "jpeg-ls", "j2k lossless"])
def test_fewer_frames_than_fragments(syntax: str) -> None:
    encoded = next(one for one in source_files("three frames") if one.syntax == syntax).encoded
    for frames in (1, 2):
        with pytest.raises(_REFUSED):
            transcode(_changed(encoded, NumberOfFrames=frames), UIDS["explicit"])
