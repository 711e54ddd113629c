"""The offset tables of encapsulated pixel data. See PS3.5 A.4 and PS3.3 C.7.6.3.1.8."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate

from nephele.domain.elements import Element
from nephele.domain.fragments import EXTENDED_LENGTHS, EXTENDED_OFFSETS
from nephele.domain.transcoding.writing import ITEM_HEADER_BYTES, item_header

_LARGEST_BASIC_OFFSET = 0xFFFFFFFF


def iter_fragment(frame: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """Yield a frame as one fragment, padded to an even length: header, frame, padding."""
    padding = len(frame) % 2
    yield item_header(len(frame) + padding)
    yield frame
    if padding:
        yield b"\0"


def offset_tables(frame_bytes: Sequence[int]) -> tuple[bytes, list[Element]]:
    """Return the tables of frames of these sizes, one fragment each.

    Returns
    -------
    bytes
        The item of the Basic Offset Table, empty where 32 bits do not suffice.
    list of Element
        The Extended Offset Table in that case, in Little Endian.
    """
    sizes = [size + size % 2 + ITEM_HEADER_BYTES for size in frame_bytes]
    offsets = [0, *accumulate(sizes[:-1])] if sizes else []
    if not offsets or offsets[-1] <= _LARGEST_BASIC_OFFSET:
        table = struct.pack(f"<{len(offsets)}I", *offsets)
        return item_header(len(table)) + table, []
    return item_header(0), [
        _words(EXTENDED_OFFSETS, offsets),
        _words(EXTENDED_LENGTHS, frame_bytes),
    ]


def _words(tag: int, values: Sequence[int]) -> Element:
    return Element(tag, "OV", memoryview(struct.pack(f"<{len(values)}Q", *values)))
