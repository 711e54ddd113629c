"""Frame by frame: where frames are, how the result is put together, and in how much memory."""

from __future__ import annotations

import io
import struct
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nephele.domain.codecs import CodecOptions
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transcoding import open_transcoding, output, transcode
from nephele.domain.transcoding.encapsulation import offset_tables
from nephele.domain.transcoding.native import decoded_size, iter_decoded
from nephele.domain.transcoding.pipeline import map_in_order
from nephele.domain.transcoding.sinks import FileSink, MemorySink
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.errors import NotTranscodable
from tests.unit.domain.encoded import SEQUENCE_END, element, item
from tests.unit.domain.images import image_file, noise

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
FRAMES = noise((3, 16, 16), 8, dtype="uint8")
UNDEFINED = 0xFFFFFFFF


def encapsulated(uid: str, value: bytes, *before: bytes) -> bytes:
    """Encode three frames of which `value` holds the fragments, with elements before them."""
    native = transcode(image_file(FRAMES, frames=3), uid).encoded
    at = native.rindex(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OB"))
    return native[:at] + b"".join(before) + element(0x7FE00010, "OB", value, UNDEFINED)


def coded_frames(uid: str) -> list[bytes]:
    dataset = pydicom.dcmread(io.BytesIO(transcode(image_file(FRAMES, frames=3), uid).encoded))
    return list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=3))


def value_of(table: bytes, fragments: list[bytes]) -> bytes:
    return b"".join((item(table), *map(item, fragments), SEQUENCE_END))


def halves(frame: bytes) -> list[bytes]:
    middle = len(frame) // 4 * 2
    return [frame[:middle], frame[middle:]]


def samples_of(encoded: bytes) -> bytes:
    native = pydicom.dcmread(io.BytesIO(transcode(encoded, EXPLICIT).encoded))
    return bytes(native.PixelData)


def test_a_fragment_for_each_frame_needs_no_table() -> None:
    assert samples_of(encapsulated(RLE, value_of(b"", coded_frames(RLE)))) == FRAMES.tobytes()


def test_fragments_are_joined_by_the_markers_frames_begin_with() -> None:
    fragments = [half for frame in coded_frames(JPEG_LS) for half in halves(frame)]
    assert samples_of(encapsulated(JPEG_LS, value_of(b"", fragments))) == FRAMES.tobytes()


def test_fragments_are_joined_by_a_basic_table() -> None:
    frames = coded_frames(RLE)
    starts = [0]
    for frame in frames[:2]:
        starts.append(starts[-1] + len(frame) + 16)
    table = struct.pack("<3I", *starts)
    fragments = [half for frame in frames for half in halves(frame)]
    assert samples_of(encapsulated(RLE, value_of(table, fragments))) == FRAMES.tobytes()


def test_an_extended_table_goes_before_the_basic_one() -> None:
    frames = coded_frames(RLE)
    starts = [0, len(frames[0]) + 8, len(frames[0]) + len(frames[1]) + 16]
    extended = [
        element(0x7FE00001, "OV", struct.pack("<3Q", *starts)),
        element(0x7FE00002, "OV", struct.pack("<3Q", *map(len, frames))),
    ]
    source = encapsulated(RLE, value_of(b"", frames), *extended)
    assert samples_of(source) == FRAMES.tobytes()
    assert b"OV" not in transcode(source, JPEG_LS).encoded


@pytest.mark.parametrize(
    ("offsets", "reason"),
    [
        pytest.param((0, 4, 8), "outside", id="within an item"),
        pytest.param((0, 1 << 20, 1 << 21), "outside", id="behind the end"),
        pytest.param((0, 0, 0), "outside", id="all alike"),
        pytest.param((8, 4, 0), "outside", id="backwards"),
    ],
)
def test_tables_that_point_elsewhere_are_refused(offsets: tuple[int, ...], reason: str) -> None:
    source = encapsulated(RLE, value_of(struct.pack("<3I", *offsets), coded_frames(RLE)))
    with pytest.raises(NotTranscodable, match=reason):
        transcode(source, EXPLICIT)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_another_number_of_fragments_than_frames_is_refused(count: int) -> None:
    fragments = (coded_frames(RLE) * 2)[:count]
    with pytest.raises(NotTranscodable, match=r"frame|fragment"):
        transcode(encapsulated(RLE, value_of(b"", fragments)), EXPLICIT)


@pytest.mark.parametrize("uid", [RLE, JPEG_LS])
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("has_table", [False, True])
def test_frames_are_not_dropped_silently(uid: str, frames: int, has_table: bool) -> None:
    coded = coded_frames(uid)
    starts = [0, len(coded[0]) + 8, len(coded[0]) + len(coded[1]) + 16]
    table = struct.pack("<3I", *starts) if has_table else b""
    dataset = pydicom.dcmread(io.BytesIO(encapsulated(uid, value_of(table, coded))))
    dataset.NumberOfFrames = frames
    file = io.BytesIO()
    dataset.save_as(file)
    with pytest.raises(NotTranscodable, match=r"frames"):
        transcode(file.getvalue(), EXPLICIT)


def test_a_fragment_that_claims_four_gigabytes_takes_none() -> None:
    lying = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFF0) + b"abc"
    tracemalloc.start()
    with pytest.raises(NotTranscodable, match="truncated"):
        transcode(encapsulated(RLE, item(b"") + lying), EXPLICIT)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_code_stream_above_the_limit_is_not_read() -> None:
    frame = bytes(1 << 20)
    large = encapsulated(JPEG_LS, value_of(b"", [frame, frame, frame]))
    options = CodecOptions(maximum_frame_bytes=(1 << 20) - 1)
    with pytest.raises(NotTranscodable, match="frame 0: its code stream has 1048576 bytes"):
        transcode(large, EXPLICIT, options=options)


def test_a_native_frame_above_the_limit_is_not_read() -> None:
    options = CodecOptions(maximum_frame_bytes=255)
    with pytest.raises(NotTranscodable, match="255 are allowed"):
        open_transcoding(io.BytesIO(image_file(FRAMES, frames=3)), RLE, options=options)


_RESERVED = 320 << 20
_FRAME_BYTES = 256 * 256 * 3


@pytest.mark.parametrize(
    ("source", "target", "times"),
    [
        pytest.param(EXPLICIT, JPEG_2000_LOSSLESS, 12.5, id="to JPEG 2000"),
        pytest.param(EXPLICIT, HTJ2K_LOSSLESS, 7, id="to HTJ2K"),
        pytest.param(EXPLICIT, RLE, 5, id="to RLE"),
        pytest.param(JPEG_2000_LOSSLESS, EXPLICIT, 8, id="from JPEG 2000"),
        pytest.param(JPEG_LS, JPEG_2000_LOSSLESS, 12.5, id="from JPEG-LS to JPEG 2000"),
    ],
)
def test_a_frame_that_takes_more_memory_than_there_is_is_refused_first(
    source: str, target: str, times: float
) -> None:
    samples = noise((256, 256, 3), 8, dtype="uint8")
    encoded = transcode(image_file(samples, "RGB"), source).encoded
    needed = int(times * _FRAME_BYTES) + _RESERVED
    enough = CodecOptions(memory_bytes=needed)
    assert transcode(encoded, target, options=enough).transfer_syntax_uid == target
    with pytest.raises(NotTranscodable, match=r"Rows \(0028,0010\).* MiB .*the function has 32\d"):
        open_transcoding(io.BytesIO(encoded), target, options=CodecOptions(memory_bytes=needed - 1))


def test_native_frames_are_copied_with_any_memory() -> None:
    little = CodecOptions(memory_bytes=1)
    encoded = image_file(FRAMES, frames=3)
    assert transcode(encoded, "1.2.840.10008.1.2", options=little).encoded


def test_offsets_beyond_32_bits_are_extended_ones() -> None:
    table, extended = offset_tables([3 << 30] * 3)
    assert table == item(b"")
    values = {one.tag: struct.unpack("<3Q", one.value) for one in extended}
    assert values == {
        0x7FE00001: (0, (3 << 30) + 8, (6 << 30) + 16),
        0x7FE00002: (3 << 30,) * 3,
    }


def test_offsets_of_odd_frames_count_their_padding() -> None:
    table, extended = offset_tables([3, 4, 5])
    assert struct.unpack("<3I", table[8:]) == (0, 12, 24)
    assert extended == []


def native_image(frames: int, bits: int) -> PixelDescription:
    return PixelDescription(1, 5, 1, bits, bits, bits - 1, False, False, "MONOCHROME2", frames)


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=9))
def test_frames_of_single_bits_are_joined(frames: list[list[bool]]) -> None:
    packed = [np.packbits(frame, bitorder="little").tobytes() for frame in frames]
    description = native_image(len(frames), 1)
    joined = b"".join(iter_decoded(packed, description, transfer_syntax(EXPLICIT)))
    assert joined == np.packbits(np.ravel(frames), bitorder="little").tobytes()
    assert len(joined) == decoded_size(description)


def test_native_pixels_of_four_gigabytes_are_refused() -> None:
    with pytest.raises(NotTranscodable, match=r"NumberOfFrames \(0028,0008\)"):
        decoded_size(native_image(1 << 29, 16))


@pytest.mark.parametrize("uid", [EXPLICIT, RLE, JPEG, JPEG_2000])
@pytest.mark.parametrize("foreseen", [0, 1 << 16], ids=["room missing", "room foreseen"])
def test_a_file_is_what_memory_gets(
    uid: str, foreseen: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_MOST_FORESEEN_FRAMES", foreseen)
    source = transcode(image_file(FRAMES, frames=3), JPEG_LS).encoded
    path = tmp_path / "out.dcm"
    with open_transcoding(io.BytesIO(source), uid) as transcoding, FileSink(path) as sink:
        transcoding.write(sink, jobs=2)
    assert path.read_bytes() == transcode(source, uid).encoded
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_stays_of_a_file_that_fails(tmp_path: Path) -> None:
    frames = [*coded_frames(RLE)[:2], b"damaged!"]
    source = encapsulated(RLE, value_of(b"", frames))
    path = tmp_path / "out.dcm"
    path.write_bytes(b"before")
    with (
        pytest.raises(NotTranscodable, match="frame 2"),
        open_transcoding(io.BytesIO(source), EXPLICIT) as transcoding,
        FileSink(path) as sink,
    ):
        transcoding.write(sink)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_keep_the_order_of_the_items(jobs: int) -> None:
    assert list(map_in_order(lambda number: number * 2, range(50), jobs)) == [*range(0, 100, 2)]


def test_few_items_are_taken_before_their_results_are_asked_for() -> None:
    taken: list[int] = []
    results = map_in_order(int, (taken.append(n) or n for n in range(1000)), 3)  # type: ignore[func-returns-value]
    assert next(results) == 0
    assert len(taken) <= 5
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 5


def test_items_are_worked_on_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=10)

    def work(number: int) -> int:
        barrier.wait()
        return number

    assert list(map_in_order(work, range(3), 3)) == [0, 1, 2]


def test_an_error_comes_where_its_item_would() -> None:
    def work(number: int) -> float:
        return 1 / (number - 2)

    results = map_in_order(work, range(9), 2)
    assert [next(results), next(results)] == [-0.5, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


class CountingSink(MemorySink):
    """Counts what it gets and forgets it."""

    def __init__(self) -> None:
        super().__init__()
        self.size_bytes = 0

    def write(self, data: bytes) -> None:
        self.size_bytes += len(data)


class ManyFrames(io.RawIOBase):
    """A seekable file of native frames that are made when they are read."""

    def __init__(self, frames: int) -> None:
        pattern = noise((256, 256), 12)
        self._frame = pattern.tobytes()
        image = image_file(np.stack([pattern]), frames=frames, bits_stored=12)
        self.size = len(self._frame) * frames
        at = image.rindex(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
        self._head = image[:at] + element(0x7FE00010, "OW", b"", self.size)
        self._position = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}
        self._position = base.get(whence, len(self._head) + self.size) + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = len(self._head) + self.size
        size = end - self._position if size < 0 else min(size, end - self._position)
        data = self._head[self._position : self._position + size]
        if len(data) < size:
            start = self._position + len(data) - len(self._head)
            turned = start % len(self._frame)
            missing = size - len(data)
            repeated = self._frame * (missing // len(self._frame) + 2)
            data += repeated[turned : turned + missing]
        self._position += len(data)
        return data


@pytest.mark.parametrize(
    ("uid", "many"),
    [
        (RLE, 200),
        (JPEG_LS, 200),
        ("1.2.840.10008.1.2.4.201", 200),
        ("1.2.840.10008.1.2.2", 200),
        pytest.param("1.2.840.10008.1.2.4.201", 30_000, marks=pytest.mark.soak, id="4 GB"),
    ],
)
def test_memory_does_not_grow_with_the_number_of_frames(uid: str, many: int) -> None:
    peaks = []
    for frames in (20, 20, many):
        file = ManyFrames(frames)
        sink = CountingSink()
        tracemalloc.start()
        with open_transcoding(file, uid) as transcoding:  # type: ignore[arg-type]
            transcoding.write(sink, jobs=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sink.size_bytes > file.size // 4
    kept = many * 128  # size and offset of each frame, for the offset table
    assert peaks[2] < peaks[1] + (1 << 20) + kept
