"""An object of the bucket: what S3 tells of it, and its bytes as a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

ReadRange = Callable[[str, int, int], bytes]
"""Reads the bytes `[start, stop)` of an object, by its key."""


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What S3 tells of an object besides its bytes."""

    key: str
    size_bytes: int
    metadata: Mapping[str, str]


class RangedObject(io.RawIOBase):
    """A seekable view of an object; each read is one ranged GET."""

    def __init__(self, read_range: ReadRange, head: ObjectHead) -> None:
        self._read_range = read_range
        self._head = head
        self._position = 0

    def readable(self) -> bool:
        """Tell that it is."""
        return True

    def seekable(self) -> bool:
        """Tell that it is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go somewhere; nothing is read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._head.size_bytes}
        self._position = max(0, base[whence] + offset)
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        """Read what fits, by one request."""
        view = memoryview(buffer)
        stop = min(self._position + len(view), self._head.size_bytes)
        if self._position >= stop:
            return 0
        data = self._read_range(self._head.key, self._position, stop)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
