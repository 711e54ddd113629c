"""Reading deflated data sets: forward only, a window at a time, bounded against bombs."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from nephele.errors import BadFileFormat

MAXIMUM_INFLATED_BYTES = 1 << 29
"""A deflated data set above this size is refused: 512 MiB, deflate gives at most 1032 to 1."""

_BLOCK = 1 << 16


class InflatingReader:
    """A readable over the raw deflate stream that starts at a file's position.

    Offsets are those of the inflated bytes. Seeking goes forward only, by inflating.
    """

    def __init__(self, file: BinaryIO, maximum_bytes: int = MAXIMUM_INFLATED_BYTES) -> None:
        self._file = file
        self._maximum = maximum_bytes
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._position = 0

    @property
    def is_complete(self) -> bool:
        """Tell whether the stream's end marker has been seen."""
        return self._inflater.eof

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer only at the end of what there is to inflate.

        Raises
        ------
        BadFileFormat
            The stream is damaged, or inflates to more than is allowed.
        """
        parts = []
        missing = size
        while missing > 0:
            part = self._inflate(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def seek(self, position: int) -> None:
        """Inflate and drop what is before a position; BadFileFormat if the stream ends first."""
        while self._position < position:
            if not self._inflate(min(position - self._position, _BLOCK)):
                raise BadFileFormat("the deflated data set ends before its last element does")

    def _inflate(self, size: int) -> bytes:
        while not self._inflater.eof:
            pending = self._inflater.unconsumed_tail or self._file.read(_BLOCK)
            try:
                part = self._inflater.decompress(pending, size)
            except zlib.error as exc:
                raise BadFileFormat("the data set is not a deflate stream") from exc
            if part:
                return self._count(part)
            if not pending:
                break
        return b""

    def _count(self, part: bytes) -> bytes:
        self._position += len(part)
        if self._position > self._maximum:
            raise BadFileFormat(f"the data set inflates to more than {self._maximum} bytes")
        return part
