"""Finding the frames of encapsulated pixel data: by offset table, or fragment by fragment.

Only headers of items are read to find them. See PS3.5 A.4 and PS3.3 C.7.6.3.1.8.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from nephele.domain.transfer_syntax import RLE_LOSSLESS, transfer_syntax
from nephele.errors import UnsupportedImage

EXTENDED_OFFSETS = 0x7FE00001
EXTENDED_LENGTHS = 0x7FE00002

_ITEM = b"\xfe\xff\x00\xe0"
_JPEG, _JPEG_2000, _JPEG_XL = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\x0a"
_JPEG_XL_BOX = b"\0\0\0\x0cJXL "
_START_MARKERS = {
    "jpeg": (_JPEG,),
    "jpeg-lossless": (_JPEG,),
    "jpeg-ls": (_JPEG,),
    "jpeg-2000": (_JPEG_2000,),
    "htj2k": (_JPEG_2000,),
    "jpeg-xl": (_JPEG_XL, _JPEG_XL_BOX),
    "jpeg-xl-jpeg": (_JPEG_XL, _JPEG_XL_BOX),
}
"""What a code stream begins with and never holds at any other place, by its kind."""
_ANY_MARKER = (_JPEG, _JPEG_2000, _JPEG_XL_BOX)

_OUTSIDE = "the offset table points outside of the fragments"
_AMBIGUOUS = "the fragments do not tell where the frames begin"


@dataclass(frozen=True)
class Fragments:
    """The value of encapsulated pixel data in a file.

    Attributes
    ----------
    offset : int
        Where the value, the item of the Basic Offset Table, begins in the file.
    number_of_frames : int
        As the data set says.
    extended_offsets : bytes
        Value of the Extended Offset Table (7FE0,0001), empty where there is none.
    transfer_syntax_uid : str
        RLE has one fragment for each frame, whatever it begins with.
    """

    file: BinaryIO
    offset: int
    number_of_frames: int
    extended_offsets: bytes
    transfer_syntax_uid: str

    def read_frame(self, frame: int, maximum_bytes: int | None = None) -> bytes:
        """Return a frame's code stream.

        Raises
        ------
        UnsupportedImage
            It is not whole, not found, or larger than a maximum; nothing is read of it then.
        """
        start, stop = self._spans[frame]
        items = [*self._iter_items(start, stop)]
        if not items:
            raise UnsupportedImage(f"frame {frame} has no fragment")
        size = sum(size for _, size in items)
        if maximum_bytes is not None and size > maximum_bytes:
            raise UnsupportedImage(
                f"its code stream has {size} bytes, and {maximum_bytes} are allowed"
            )
        parts = [self._read(*item) for item in items]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def find_end(self) -> int:
        """Return where the items end: the offset of what is no fragment, the last delimiter."""
        position = self._spans[-1][0]
        for offset, size in self._iter_items(position, None):
            position = offset + size
        return position

    @cached_property
    def _size(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    @cached_property
    def _table(self) -> tuple[Sequence[int], int]:
        """The offsets of frames, from the first fragment's item, and where that is."""
        item = self._item_at(self.offset)
        if item is None:
            raise UnsupportedImage("PixelData (7fe0,0010) has no offset table")
        offset, size = item
        table, first = self._read(offset, size), offset + size
        if len(self.extended_offsets) >= 8:
            count = len(self.extended_offsets) // 8
            return struct.unpack_from(f"<{count}Q", self.extended_offsets), first
        return struct.unpack_from(f"<{len(table) // 4}I", table), first

    @cached_property
    def _spans(self) -> list[tuple[int, int | None]]:
        """The offsets of each frame's first item and behind its last, None for the end."""
        offsets, first = self._table
        count = self.number_of_frames
        if len(offsets) > count:
            raise UnsupportedImage(
                f"there are {len(offsets)} frames, NumberOfFrames (0028,0008) is {count}"
            )
        if len(offsets) < count:
            return [*self._found_spans(first)]
        starts = [first + offset for offset in offsets] if count > 1 else [first]
        if starts != sorted(set(starts)) or starts[-1] >= self._size or starts[0] != first:
            raise UnsupportedImage(_OUTSIDE)
        return list(zip(starts, [*starts[1:], None], strict=True))

    def _found_spans(self, first: int) -> list[tuple[int, int]]:
        """Find the frames without a table: a fragment each, or by the markers they begin with."""
        items = [(offset - 8, offset + size) for offset, size in self._iter_items(first, None)]
        if len(items) != self.number_of_frames and self.transfer_syntax_uid != RLE_LOSSLESS:
            items = self._join_by_markers(items)
        if len(items) != self.number_of_frames:
            raise UnsupportedImage(_AMBIGUOUS)
        return items

    def _join_by_markers(self, items: list[tuple[int, int]]) -> list[tuple[int, int]]:
        kind = transfer_syntax(self.transfer_syntax_uid).kind
        markers = _START_MARKERS.get(kind, _ANY_MARKER)
        frames: list[tuple[int, int]] = []
        for start, stop in items:
            self.file.seek(start + 8)
            if not frames or self.file.read(8).startswith(markers):
                frames.append((start, stop))
            else:
                frames[-1] = (frames[-1][0], stop)
        return frames

    def _iter_items(self, start: int, stop: int | None) -> Iterator[tuple[int, int]]:
        """Yield offset and size of the values of the items from one offset up to another."""
        while stop is None or start < stop:
            item = self._item_at(start)
            if item is None:
                if stop is not None:
                    raise UnsupportedImage(_OUTSIDE)
                return
            yield item
            start = item[0] + item[1]
        if start != stop:
            raise UnsupportedImage(_OUTSIDE)

    def _item_at(self, offset: int) -> tuple[int, int] | None:
        """Return offset and size of the value of the item at an offset, None if there is none."""
        self.file.seek(offset)
        header = self.file.read(8)
        if len(header) < 8 or header[:4] != _ITEM:
            return None
        size: int = struct.unpack_from("<I", header, 4)[0]
        if offset + 8 + size > self._size:
            raise UnsupportedImage("a fragment is truncated")
        return offset + 8, size

    def _read(self, offset: int, size: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(size)
