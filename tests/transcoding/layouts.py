"""The same frames in every way that PS3.5 A.4 lets them be laid out."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended

from tests.transcoding.writing import written


def _value(dataset: Dataset, value: bytes) -> bytes:
    """Encode a file; pydicom writes the delimiter behind the fragments."""
    dataset.PixelData = value
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return written(dataset)


def _item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def _padded(frame: bytes) -> bytes:
    return frame + b"\0" * (len(frame) % 2)


def _pieces(frame: bytes, count: int) -> list[bytes]:
    size = max((len(frame) // count) & ~1, 2)
    starts = range(0, size * count, size)
    ends = [*starts[1:], len(frame)]
    return [frame[start:end] for start, end in zip(starts, ends, strict=True)]


def basic_offsets(dataset: Dataset, frames: list[bytes]) -> bytes:
    """One fragment for each frame, and offsets."""
    return _value(dataset, encapsulate(frames, has_bot=True))


def no_offsets(dataset: Dataset, frames: list[bytes]) -> bytes:
    """One fragment for each frame, and an empty offset table."""
    return _value(dataset, encapsulate(frames, has_bot=False))


def extended_offsets(dataset: Dataset, frames: list[bytes]) -> bytes:
    """One fragment for each frame, and an Extended Offset Table."""
    value, dataset.ExtendedOffsetTable, lengths = encapsulate_extended(frames)
    dataset.ExtendedOffsetTableLengths = lengths
    return _value(dataset, value)


def fragments_and_offsets(dataset: Dataset, frames: list[bytes]) -> bytes:
    """One, two and three fragments for the frames, in turn, and offsets."""
    body, offsets = io.BytesIO(), []
    for number, frame in enumerate(map(_padded, frames)):
        offsets.append(body.tell())
        for piece in _pieces(frame, number % 3 + 1):
            body.write(_item(piece))
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    return _value(dataset, _item(table) + body.getvalue())


def fragments_alone(dataset: Dataset, frames: list[bytes]) -> bytes:
    """Several fragments for each frame, and an empty offset table: markers begin frames."""
    pieces = [_item(piece) for frame in map(_padded, frames) for piece in _pieces(frame, 3)]
    return _value(dataset, _item(b"") + b"".join(pieces))


def trailing_padding(dataset: Dataset, frames: list[bytes]) -> bytes:
    """Elements behind the pixel data."""
    dataset.add_new(0xFFFCFFFC, "OB", bytes(6))
    return basic_offsets(dataset, frames)


LAYOUTS: tuple[Callable[[Dataset, list[bytes]], bytes], ...] = (
    basic_offsets,
    no_offsets,
    extended_offsets,
    fragments_and_offsets,
    fragments_alone,
    trailing_padding,
)
