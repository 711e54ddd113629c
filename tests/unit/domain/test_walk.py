"""The walk over a data set: what is tolerated, what is not, and that nothing else happens."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nephele.domain.inflate import InflatingReader
from nephele.domain.part10 import read_file_meta
from nephele.domain.walk import Walk, walk_data_set
from nephele.errors import BadFileFormat
from tests.unit.domain.encoded import (
    EXPLICIT,
    IMPLICIT,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    data_set,
    element,
    implicit,
    item,
    test_file,
)

_DEFLATED = "1.2.840.10008.1.2.1.99"
_SEQUENCE = 0x00101002
_PIXELS = 0x7FE00010
_INNER = element(0x00080100, "SH", "x")
_IMPLICIT_INNER = implicit(0x00080100, "x")


def walk(encoded: bytes, uid: str = EXPLICIT, *, stop_at_pixel_data: bool = False) -> Walk:
    return walk_data_set(io.BytesIO(encoded), uid, stop_at_pixel_data=stop_at_pixel_data)


def sequence(content: bytes, size: int, vr: str = "SQ") -> dict[int, bytes]:
    return {_SEQUENCE: element(_SEQUENCE, vr, content, size)}


def deflate(content: bytes) -> bytes:
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush()


TOLERATED = [
    pytest.param(data_set(), id="plain"),
    pytest.param(data_set(end=bytes(8)), id="eight zero bytes, an element (0000,0000)"),
    pytest.param(data_set(end=bytes(512)), id="a sector of zeros"),
    pytest.param(data_set()[18:] + data_set()[:18], id="tags not ascending"),
    pytest.param(
        data_set({0x00101000: b"\x10\0\0\x10ZZ\0\0\4\0\0\0abcd"}), id="VR of the future, long"
    ),
    pytest.param(data_set({0x00101000: b"\x10\0\0\x10??\4\0abcd"}), id="no VR, short length"),
    pytest.param(data_set({0x00101000: b"\x10\0\0\x10\0\0\4\0abcd"}), id="zero VR, short length"),
    pytest.param(data_set({0x00101000: element(0x00101000, "LO", "abc", 3)}), id="odd length"),
    pytest.param(data_set(sequence(item(_INNER), len(item(_INNER)))), id="defined sequence"),
    pytest.param(
        data_set(sequence(item(_INNER), len(item(_INNER)) - 2)), id="sequence said too short"
    ),
    pytest.param(
        data_set(sequence(item(_INNER) + SEQUENCE_END, len(item(_INNER)) + 8)),
        id="defined sequence with a delimiter",
    ),
    pytest.param(
        data_set(sequence(item(_INNER + ITEM_END, UNDEFINED) + SEQUENCE_END, UNDEFINED)),
        id="undefined sequence, undefined item",
    ),
    pytest.param(
        data_set(sequence(item(_INNER) + SEQUENCE_END, UNDEFINED)),
        id="undefined sequence, defined item",
    ),
    pytest.param(
        data_set(sequence(item(_INNER * 2, len(_INNER) + 4) + SEQUENCE_END, UNDEFINED)),
        id="element longer than its item",
    ),
    pytest.param(
        data_set(
            sequence(item(_IMPLICIT_INNER + ITEM_END, UNDEFINED) + SEQUENCE_END, UNDEFINED, "UN")
        ),
        id="UN of undefined length is implicit (CP-246)",
    ),
    pytest.param(data_set(sequence(b"anything", 8, "UN")), id="UN of defined length is opaque"),
    pytest.param(data_set(end=ITEM_END), id="stray item delimiter at the end"),
    pytest.param(element(0x00000002, "UI", "1.2") + data_set(), id="a command element"),
    pytest.param(
        data_set(end=element(_PIXELS, "OB", item(b"") + item(b"abcd") + SEQUENCE_END, UNDEFINED)),
        id="fragments",
    ),
]


@pytest.mark.parametrize("encoded", TOLERATED)
def test_tolerated_as_by_orthanc(encoded: bytes) -> None:
    result = walk(encoded)
    assert result.end_offset == len(encoded)
    assert result.values[0x00100020] == b"PID "
    assert result.values[0x0020000D] == b"1.2.3\0"


REFUSED = [
    *(pytest.param(data_set(end=bytes(n)), id=f"{n} zero bytes") for n in (1, 4, 7, 9, 12, 20)),
    pytest.param(data_set(end=b"abcdefgh"), id="text at the end"),
    pytest.param(data_set(end=b"\xff" * 16), id="ones at the end"),
    pytest.param(data_set()[:-1], id="one byte missing"),
    pytest.param(data_set()[:-6], id="half a header"),
    pytest.param(data_set(end=element(_PIXELS, "OW", b"abcd", 1000)), id="beyond the end"),
    pytest.param(data_set(sequence(b"0123456789abcdef", 16)), id="no items in a sequence"),
    pytest.param(
        data_set(sequence(item(_INNER + ITEM_END, UNDEFINED), UNDEFINED)), id="no end of sequence"
    ),
    pytest.param(
        data_set(sequence(item(_INNER, UNDEFINED) + SEQUENCE_END, UNDEFINED)), id="no end of item"
    ),
    pytest.param(
        data_set(sequence(ITEM_END + SEQUENCE_END, UNDEFINED)), id="item delimiter for an item"
    ),
    pytest.param(
        data_set(sequence(item(_INNER + ITEM_END, UNDEFINED) + SEQUENCE_END, UNDEFINED, "UN")),
        id="explicit items in UN",
    ),
    pytest.param(data_set({_SEQUENCE: SEQUENCE_END}), id="stray sequence delimiter"),
    pytest.param(data_set({_SEQUENCE: item(_INNER)}), id="stray item"),
    pytest.param(
        data_set({0x00101010: element(0x00101010, "UT", b"abcd", UNDEFINED)}),
        id="text of undefined length",
    ),
    pytest.param(
        data_set(end=element(_PIXELS, "OB", item(b"") + item(b"abcd"), UNDEFINED)),
        id="no end of fragments",
    ),
    pytest.param(
        data_set(end=element(_PIXELS, "OB", item(b"") + item(b"abcd", 100), UNDEFINED)),
        id="fragment beyond the end",
    ),
    pytest.param(
        data_set(end=element(_PIXELS, "OB", item(b"") + item(b"", UNDEFINED), UNDEFINED)),
        id="fragment of undefined length",
    ),
    pytest.param(b"\x10\0\x20\0LO\4", id="less than a header"),
    pytest.param(
        b"".join(element(_SEQUENCE, "SQ", item(b"", UNDEFINED), UNDEFINED) for _ in range(5000)),
        id="nested without end",
    ),
]


@pytest.mark.parametrize("encoded", REFUSED)
def test_refused_as_by_orthanc(encoded: bytes) -> None:
    with pytest.raises(BadFileFormat):
        walk(encoded)


def test_of_repeated_elements_the_first_counts() -> None:
    repeated = element(0x00100020, "LO", "one") + element(0x00100020, "LO", "two")
    assert walk(repeated).values[0x00100020] == b"one "


def test_wanted_elements_of_items_do_not_count() -> None:
    nested = element(0x00100020, "LO", "nested")
    assert walk(data_set(sequence(item(nested), len(item(nested))))).values[0x00100020] == b"PID "


def test_pixel_data_is_located_and_need_not_be_there_to_stop_at_it() -> None:
    encoded = data_set(end=element(_PIXELS, "OW", bytes(100)))
    offset = len(data_set())
    result = walk(encoded)
    assert (result.pixel_data_offset, result.pixel_data_vr) == (offset, "OW")
    stopped = walk(encoded[: offset + 12], stop_at_pixel_data=True)
    assert (stopped.pixel_data_offset, stopped.end_offset) == (offset, offset)


def test_float_pixel_data_ends_the_header_too() -> None:
    result = walk(data_set(end=element(0x7FE00008, "OF", bytes(8))))
    assert result.pixel_data_offset is None
    assert result.header_end_offset == len(data_set())


def test_deflated_data_set_has_no_offsets_in_the_file() -> None:
    encoded = data_set(end=element(_PIXELS, "OB", bytes(100)))
    result = walk(deflate(encoded), _DEFLATED)
    assert result.has_pixel_data
    assert result.pixel_data_offset is None
    assert result.header_end_offset == len(data_set())
    assert result.values[0x00100020] == b"PID "


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(deflate(data_set())[:-4], id="truncated"),
        pytest.param(b"\xff" * 100, id="no deflate stream"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_damaged_deflate_stream_is_refused(encoded: bytes) -> None:
    with pytest.raises(BadFileFormat):
        walk(encoded, _DEFLATED)


def test_deflate_bomb_is_refused_in_bounded_memory() -> None:
    bomb = deflate(element(_PIXELS, "OB", bytes(1 << 24)))
    reader = InflatingReader(io.BytesIO(bomb), maximum_bytes=1 << 20)
    tracemalloc.start()
    with pytest.raises(BadFileFormat, match="inflates to more than"):
        reader.seek(1 << 24)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_memory_is_bounded_whatever_the_size() -> None:
    class Sparse(io.RawIOBase):
        """A pixel data element of 1 GB in fragments of 1 MB that are nowhere."""

        prefix = data_set() + element(_PIXELS, "OB", item(b""), UNDEFINED)
        fragment = item(b"", 1 << 20)
        count = 1000

        def __init__(self) -> None:
            self.position = 0
            self.size = len(self.prefix) + self.count * ((1 << 20) + 8) + 8
            self.bytes_read = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self.position = offset if whence == 0 else self.size + offset
            return self.position

        def tell(self) -> int:
            return self.position

        def read(self, size: int = -1) -> bytes:
            size = min(size, self.size - self.position)
            part = bytes(self.byte(at) for at in range(self.position, self.position + size))
            self.position += size
            self.bytes_read += size
            return part

        def byte(self, at: int) -> int:
            if at < len(self.prefix):
                return self.prefix[at]
            if at >= self.size - 8:
                return SEQUENCE_END[at - self.size + 8]
            within = (at - len(self.prefix)) % ((1 << 20) + 8)
            return self.fragment[within] if within < 8 else 0

    file = Sparse()
    assert walk_data_set(file, EXPLICIT).end_offset == file.size  # type: ignore[arg-type]
    assert file.bytes_read < 2048 * file.count


def test_patient_id_of_65000_characters_is_read_whole() -> None:
    long = "x" * 65_000
    encoded = data_set({0x00100020: element(0x00100020, "LO", long)})
    assert walk(encoded).values[0x00100020] == long.encode()


def test_implicit_identifier_of_megabytes_is_refused() -> None:
    with pytest.raises(BadFileFormat, match="0010,0020"):
        walk(implicit(0x00100020, bytes(2 << 20)), IMPLICIT)


def test_ct_header_takes_less_than_half_a_millisecond() -> None:
    file = io.BytesIO(test_file("CT_small.dcm"))
    read_file_meta(file)
    start = file.tell()
    best = 1.0
    for _ in range(20):
        file.seek(start)
        began = time.perf_counter()
        walk_data_set(file, EXPLICIT)
        best = min(best, time.perf_counter() - began)
    assert best < 0.0005


_REAL = [
    test_file("CT_small.dcm")[128:7000],
    test_file("rtplan.dcm")[128:],
    test_file("SC_rgb_rle_2frame.dcm")[128:],
    test_file("image_dfl.dcm")[128:],
    test_file("MR_small_bigendian.dcm")[128:3000],
]


@settings(max_examples=200, deadline=None)
@given(
    source=st.sampled_from(_REAL),
    changes=st.lists(
        st.tuples(st.integers(4, 6000), st.binary(min_size=1, max_size=6)), max_size=6
    ),
    cut=st.none() | st.integers(0, 7000),
)
def test_mutated_files_are_walked_or_refused(
    source: bytes, changes: list[tuple[int, bytes]], cut: int | None
) -> None:
    mutated = bytearray(source[:cut])
    for position, replacement in changes:
        if position + len(replacement) < len(mutated):
            mutated[position : position + len(replacement)] = replacement
    file = io.BytesIO(bytes(128) + mutated)
    try:
        meta = read_file_meta(file)
        result = walk_data_set(file, meta.transfer_syntax_uid)
    except BadFileFormat:
        return
    assert result.header_end_offset <= result.end_offset
    if meta.transfer_syntax_uid != _DEFLATED:
        assert result.end_offset <= 128 + len(mutated)


@settings(max_examples=200, deadline=None)
@given(encoded=st.binary(max_size=4096), uid=st.sampled_from([EXPLICIT, IMPLICIT, _DEFLATED]))
def test_random_bytes_are_walked_or_refused(encoded: bytes, uid: str) -> None:
    try:
        walk(encoded, uid)
    except BadFileFormat:
        return


def test_big_endian_lengths() -> None:
    encoded = struct.pack(">HH2sH", 0x0010, 0x0020, b"LO", 4) + b"PID "
    assert walk(encoded, "1.2.840.10008.1.2.2").values[0x00100020] == b"PID "
