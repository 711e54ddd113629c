"""ZIP files made of segments, read by others; ZIP64."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nephele.domain.zip_file import plan
from nephele.domain.zip_file.assembly import Placed, Title, assemble, ending
from nephele.domain.zip_file.checksum import combine
from nephele.domain.zip_file.packing import Packed, pack_piece, pack_whole, padded
from nephele.domain.zip_file.plan import LEAST_PART_BYTES, plan_segments
from nephele.domain.zip_file.records import Entry, Method, central_directory, local_header
from nephele.errors import AnswerTooLarge

MEGABYTE = 1 << 20
_TIME = "20260102T030406"


def made(members: Sequence[bytes], names: Sequence[str], *, compressible: bool) -> bytes:
    """Make a ZIP file from its segments, the last ones first."""
    segments = plan_segments([len(member) for member in members])
    parts: dict[int, bytes] = {}
    placed: dict[int, list[Placed]] = {}
    for number in reversed(range(len(segments))):
        segment = segments[number]
        packed = [
            pack_whole(members[piece.member], is_compressible=compressible)
            if piece.is_whole
            else pack_piece(
                members[piece.member][piece.start : piece.stop],
                is_compressible=compressible,
                is_last=piece.is_last,
            )
            for piece in segment
        ]
        others = {
            piece.member: [
                one
                for other in sorted(placed)
                for one in placed[other]
                if one.member == piece.member
            ]
            for piece in segment
            if piece.is_split_head
        }
        is_part = number < len(segments) - 1
        blocks, placed[number] = assemble(
            segment, packed, lambda n: Title(names[n], _TIME), others, is_part=is_part
        )
        parts[number] = b"".join(blocks)
        assert not is_part or len(parts[number]) >= LEAST_PART_BYTES
    everything = [one for number in sorted(placed) for one in placed[number]]
    end = ending(everything, lambda n: Title(names[n], _TIME))
    return b"".join((*(parts[number] for number in sorted(parts)), end))


def noise(size_bytes: int) -> bytes:
    return np.random.default_rng(size_bytes).bytes(size_bytes)


_MEMBERS = {
    "none": [],
    "one": [b"abc"],
    "an empty one": [b""],
    "what cannot be compressed": [noise(100), noise(200_000)],
    "nothing but zeros": [bytes(MEGABYTE)] * 45,
    "one in pieces": [noise(1000), noise(40 * MEGABYTE), noise(1000)],
    "pieces of zeros": [bytes(70 * MEGABYTE), bytes(33 * MEGABYTE)],
}


@pytest.mark.parametrize("compressible", [False, True], ids=["stored", "deflated"])
@pytest.mark.parametrize("members", _MEMBERS.values(), ids=_MEMBERS.keys())
def test_every_member_is_read_back(
    members: list[bytes], compressible: bool, tmp_path: Path
) -> None:
    names = [f"f\N{LATIN SMALL LETTER E WITH ACUTE}/{number}" for number in range(len(members))]
    file = tmp_path / "a.zip"
    file.write_bytes(made(members, names, compressible=compressible))
    with zipfile.ZipFile(file) as opened:
        assert opened.namelist() == names
        assert [opened.read(name) for name in names] == members
        assert all(one.date_time == (2026, 1, 2, 3, 4, 6) for one in opened.infolist())
    if members:
        subprocess.run(["unzip", "-tqq", file], check=True)


@pytest.mark.parametrize("compressible", [False, True], ids=["stored", "deflated"])
def test_7_zip_reads_it(compressible: bool, tmp_path: Path) -> None:
    if shutil.which("7zz") is None:
        reason = "7zz is missing: apt-get install 7zip"
        pytest.fail(reason) if "CI" in os.environ else pytest.skip(reason)
    file = tmp_path / "a.zip"
    for members in _MEMBERS.values():
        file.write_bytes(
            made(members, list(map(str, range(len(members)))), compressible=compressible)
        )
        tested = subprocess.run(["7zz", "t", file], check=True, capture_output=True, text=True)
        assert ("Everything is Ok" in tested.stdout) or not members
        assert "WARN" not in tested.stdout.upper()


def test_many_members_need_zip64() -> None:
    count = 66_000
    body = made([b"x"] * count, [str(number) for number in range(count)], compressible=False)
    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        assert len(opened.infolist()) == count
        assert opened.read("65999") == b"x"


def test_large_members_and_offsets_need_zip64(tmp_path: Path) -> None:
    """A member of 5 GB of zeros, of which the file has none on disk, and one behind it."""
    size, crc = MEGABYTE, zlib.crc32(bytes(MEGABYTE))
    for times in (*[2] * 10, 5):
        size, crc = size * times, combine([(crc, size)] * times)
    first = Entry("large", _TIME, Method.STORED, crc, size, size)
    second = Entry("small", _TIME, Method.STORED, zlib.crc32(b"abc"), 3, 3)
    header = local_header(first)
    offset = len(header) + size
    rest = local_header(second) + b"abc"
    end = central_directory([(first, 0), (second, offset)], offset + len(rest))
    path = tmp_path / "sparse.zip"
    with path.open("wb") as file:
        file.write(header)
        file.seek(offset)
        file.write(rest + end)
    with zipfile.ZipFile(path) as opened:
        assert [one.file_size for one in opened.infolist()] == [size, 3]
        assert opened.read("small") == b"abc"
        with opened.open("large") as member:
            assert member.read(10) == bytes(10)
    shown = subprocess.run(["unzip", "-l", path], check=True, capture_output=True, text=True)
    assert str(size) in shown.stdout


@given(st.lists(st.integers(0, 120 * MEGABYTE), max_size=60))
@settings(deadline=None, max_examples=200)
def test_segments_cover_every_byte_in_order(sizes: list[int]) -> None:
    segments = plan_segments(sizes)
    position = dict.fromkeys(range(len(sizes)), 0)
    last_member = 0
    for number, segment in enumerate(segments):
        raw = sum(piece.size_bytes for piece in segment)
        if number < len(segments) - 1:
            assert MEGABYTE * 8 <= raw <= 40 * MEGABYTE
        else:
            assert all(piece.is_whole for piece in segment)
        for piece in segment:
            assert piece.start == position[piece.member]
            position[piece.member] = piece.stop
            assert piece.is_last == (piece.stop == sizes[piece.member])
            assert piece.member >= last_member
            last_member = piece.member
    assert list(position.values()) == sizes


def test_the_largest_archive_has_bounded_segments() -> None:
    segments = plan_segments([600 << 30])
    assert len(segments) <= 10_000
    assert max(sum(piece.size_bytes for piece in one) for one in segments) <= 96 * MEGABYTE
    with pytest.raises(AnswerTooLarge):
        plan_segments([1 << 40])
    assert plan.SEGMENT_BYTES == 32 * MEGABYTE


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_checksums_combine(pieces: list[bytes]) -> None:
    combined = combine((zlib.crc32(piece), len(piece)) for piece in pieces)
    assert combined == zlib.crc32(b"".join(pieces))


@pytest.mark.parametrize("missing", [1, 5, 4999, 1 << 20])
def test_padding_adds_no_content(missing: int) -> None:
    data = noise(3000)
    for packed in (
        pack_whole(data, is_compressible=False),
        pack_whole(bytes(3000), is_compressible=True),
        Packed(Method.STORED, 0, 0, b""),
    ):
        longer = padded(packed, missing)
        assert len(longer.data) >= len(packed.data) + missing
        inflated = zlib.decompress(longer.data, -zlib.MAX_WBITS)
        assert len(inflated) == packed.raw_bytes
        assert zlib.crc32(inflated) == packed.crc
