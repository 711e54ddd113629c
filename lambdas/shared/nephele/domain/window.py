"""A file seen through a window that moves forward."""

from __future__ import annotations

from typing import BinaryIO

from nephele.domain.inflate import InflatingReader
from nephele.errors import BadFileFormat

BLOCK = 1 << 16
"""How many bytes are read at a time."""


class Window:
    """The bytes at a position and beyond.

    `data` begins at offset `base` of the file; `size` is the file's, None where it is not known.
    """

    __slots__ = ("_file", "base", "data", "size")

    def __init__(self, file: BinaryIO | InflatingReader, base: int, size: int | None) -> None:
        self._file = file
        self.base = base
        self.data = b""
        self.size = size

    def fill(self, position: int, needed: int, block: int = BLOCK) -> int:
        """Begin at a position and hold `needed` bytes; return how many there are."""
        kept = self.data[position - self.base :] if position >= self.base else b""
        if not kept and position != self.base + len(self.data):
            self._file.seek(position)
        self.base = position
        self.data = kept + self._file.read(max(needed - len(kept), block))
        return len(self.data)

    def check(self, position: int) -> None:
        """Raise BadFileFormat if the file is known to end before a position."""
        if self.size is not None and position > self.size:
            raise BadFileFormat("the data set ends before its last element does")
