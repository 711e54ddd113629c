"""Damage done to encapsulated files, each kind once more for every seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from pydicom.dataset import Dataset

from tests.transcoding.judges import read
from tests.transcoding.writing import written

Mutation = Callable[[bytes, random.Random], bytes]
_ITEM = b"\xfe\xff\x00\xe0"


def flip_pixel_bytes(encoded: bytes, chance: random.Random) -> bytes:
    """Change some bytes behind the start of the pixel data."""
    return _flipped(encoded, chance, pixel_data_at(encoded) + 12)


def flip_any_bytes(encoded: bytes, chance: random.Random) -> bytes:
    """Change some bytes behind the preamble."""
    return _flipped(encoded, chance, 132)


def flip_stream_header(encoded: bytes, chance: random.Random) -> bytes:
    """Change some of the first bytes of the first code stream."""
    start = encoded.find(_ITEM, pixel_data_at(encoded) + 20) + 8
    return _flipped(encoded, chance, start, min(start + 80, len(encoded)))


def cut_file(encoded: bytes, chance: random.Random) -> bytes:
    """End the file within its pixel data."""
    return encoded[: chance.randrange(pixel_data_at(encoded), len(encoded))]


def cut_frame(encoded: bytes, chance: random.Random) -> bytes:
    """Shorten a code stream; its item is as long as it is."""

    def cut(fragments: list[bytes]) -> None:
        at = chance.randrange(len(fragments))
        fragments[at] = fragments[at][: chance.randrange(len(fragments[at]) + 1) & ~1]

    return with_fragments(encoded, cut)


def insert_into_frame(encoded: bytes, chance: random.Random) -> bytes:
    """Put some bytes into a code stream."""

    def insert(fragments: list[bytes]) -> None:
        at = chance.randrange(len(fragments))
        position = chance.randrange(len(fragments[at]) + 1)
        more = chance.randbytes(2 * chance.randint(1, 20))
        fragments[at] = fragments[at][:position] + more + fragments[at][position:]

    return with_fragments(encoded, insert)


def drop_fragment(encoded: bytes, chance: random.Random) -> bytes:
    """Leave a fragment out."""
    return with_fragments(
        encoded, lambda fragments: fragments.pop(chance.randrange(len(fragments)))
    )


def double_fragment(encoded: bytes, chance: random.Random) -> bytes:
    """Give a fragment twice."""
    return with_fragments(encoded, lambda fragments: fragments.append(chance.choice(fragments)))


def empty_fragment(encoded: bytes, chance: random.Random) -> bytes:
    """Make a fragment empty."""

    def empty(fragments: list[bytes]) -> None:
        fragments[chance.randrange(len(fragments))] = b""

    return with_fragments(encoded, empty)


def noise_frame(encoded: bytes, chance: random.Random) -> bytes:
    """Give noise instead of a code stream, behind its first bytes."""

    def fill(fragments: list[bytes]) -> None:
        at = chance.randrange(len(fragments))
        kept = chance.choice((0, 4, 40, 100))
        size = max(len(fragments[at]) - kept, 0) & ~1
        fragments[at] = fragments[at][:kept] + chance.randbytes(size)

    return with_fragments(encoded, fill)


def wrong_item_length(encoded: bytes, chance: random.Random) -> bytes:
    """Give an item a length that is not its own."""
    items = []
    at = encoded.find(_ITEM, pixel_data_at(encoded))
    while at >= 0:
        items.append(at)
        at = encoded.find(_ITEM, at + 4)
    at = chance.choice(items)
    length = chance.choice((0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, chance.getrandbits(12)))
    return encoded[: at + 4] + struct.pack("<I", length) + encoded[at + 8 :]


def offsets_outside(encoded: bytes, chance: random.Random) -> bytes:
    """Give a Basic Offset Table that points anywhere."""
    count = chance.randint(1, 5)
    table = b"".join(
        struct.pack("<I", chance.choice((0, 1, 0xFFFFFFFF, 0x7FFFFFFE, chance.getrandbits(10))))
        for _ in range(count)
    )
    return with_fragments(encoded, lambda fragments: None, table)


def extended_offsets_outside(encoded: bytes, chance: random.Random) -> bytes:
    """Give an Extended Offset Table that points anywhere."""
    dataset = read(encoded)
    values = [chance.choice((0, 2, (1 << 64) - 1, 1 << 40, chance.getrandbits(12))) for _ in "abc"]
    dataset.ExtendedOffsetTable = struct.pack("<3Q", *values)
    dataset.ExtendedOffsetTableLengths = struct.pack("<3Q", *reversed(values))
    return written(dataset)


def wrong_number(encoded: bytes, chance: random.Random) -> bytes:
    """Change an element that describes the pixels."""
    keyword, values = chance.choice(_NUMBERS)
    dataset = read(encoded)
    setattr(dataset, keyword, chance.choice(values))
    return written(dataset)


def vast_image(encoded: bytes, chance: random.Random) -> bytes:
    """Say 65,535 rows and columns over what is there."""
    dataset = read(encoded)
    dataset.Rows = dataset.Columns = 65535
    if chance.random() < 0.5:
        dataset.BitsAllocated = chance.choice((1, 8, 16, 32, 64))
    return written(dataset)


def other_syntax(encoded: bytes, chance: random.Random) -> bytes:
    """Claim another transfer syntax of the same length of UID."""
    dataset = read(encoded)
    uids = [f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 90, 91, 201, 203, 110)]
    uid = chance.choice([*uids, "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1"])
    dataset.file_meta.TransferSyntaxUID = uid
    return written(dataset)


_NUMBERS: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("Rows", (0, 1, 39, 41, 80, 65535)),
    ("Columns", (0, 1, 55, 57, 112, 65535)),
    ("BitsAllocated", (0, 1, 7, 8, 12, 16, 24, 32, 64, 65535)),
    ("BitsStored", (0, 1, 7, 12, 15, 16, 17, 64)),
    ("HighBit", (0, 7, 11, 15, 16, 63)),
    ("SamplesPerPixel", (0, 1, 2, 3, 4, 65535)),
    ("NumberOfFrames", (0, 1, 2, 4, 1000, 2147483647)),
    ("PlanarConfiguration", (0, 1, 7)),
    ("PixelRepresentation", (0, 1, 2)),
    (
        "PhotometricInterpretation",
        ("", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "PALETTE COLOR", "CMYK", "X"),
    ),
)

MUTATIONS: tuple[Mutation, ...] = (
    flip_pixel_bytes,
    flip_any_bytes,
    flip_stream_header,
    cut_file,
    cut_frame,
    insert_into_frame,
    drop_fragment,
    double_fragment,
    empty_fragment,
    noise_frame,
    wrong_item_length,
    offsets_outside,
    extended_offsets_outside,
    wrong_number,
    vast_image,
    other_syntax,
)


def pixel_data_at(encoded: bytes) -> int:
    """Return where the last PixelData element of an encapsulated file begins."""
    return encoded.rindex(b"\xe0\x7f\x10\0O")


def with_fragments(
    encoded: bytes, change: Callable[[list[bytes]], object], table: bytes | None = None
) -> bytes:
    """Return the file with its fragments changed in place, behind the same offset table."""
    dataset = read(encoded)
    old_table, *fragments = _items(dataset)
    change(fragments)
    parts = [old_table if table is None else table, *fragments]
    dataset.PixelData = b"".join(_ITEM + struct.pack("<I", len(part)) + part for part in parts)
    return written(dataset)


def _items(dataset: Dataset) -> list[bytes]:
    value, at, found = dataset.PixelData, 0, []
    while value[at : at + 4] == _ITEM:
        size = struct.unpack_from("<I", value, at + 4)[0]
        found.append(value[at + 8 : at + 8 + size])
        at += 8 + size
    return found


def _flipped(encoded: bytes, chance: random.Random, start: int, stop: int | None = None) -> bytes:
    damaged = bytearray(encoded)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        damaged[chance.randrange(start, stop or len(encoded))] = chance.getrandbits(8)
    return bytes(damaged)
