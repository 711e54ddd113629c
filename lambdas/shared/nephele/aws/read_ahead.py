"""Reading a large object from one end to the other, or here and there, by ranges."""

from __future__ import annotations

import io
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from nephele.aws.bucket import Bucket

if TYPE_CHECKING:
    from typing_extensions import Buffer

_SMALLEST_BLOCK = 64 << 10
_LARGEST_BLOCK = 8 << 20
_WORTH_FETCHING_AHEAD = 1 << 20


class ReadAhead(io.RawIOBase):
    """A seekable object.

    A jump fetches little. Reading on fetches twice as much each time, up to 8 MiB, and the next
    block while the caller works on this one; two blocks are in memory at most.
    """

    def __init__(self, bucket: Bucket, key: str, size_bytes: int) -> None:
        self._bucket = bucket
        self._key = key
        self._size = size_bytes
        self._position = 0
        self._base = 0
        self._data = b""
        self._block = _SMALLEST_BLOCK
        self._ahead: Future[bytes] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")

    def readable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        self._position = max(0, base[whence] + offset)
        return self._position

    def tell(self) -> int:  # noqa: D102
        return self._position

    def close(self) -> None:
        """Wait for what is being fetched, and forget it."""
        self._pool.shutdown(cancel_futures=True)
        self._data = b""
        super().close()

    def readinto(self, buffer: Buffer, /) -> int:  # noqa: D102
        view = memoryview(buffer)
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1, /) -> bytes:
        """Read so many bytes, fewer only at the end of the object."""
        stop = self._size if size < 0 else min(self._position + size, self._size)
        parts = []
        while self._position < stop:
            index = self._position - self._base
            if not 0 <= index < len(self._data):
                self._fill(stop - self._position)
                index = 0
            part = self._data[index : index + stop - self._position]
            parts.append(part)
            self._position += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _fill(self, needed: int) -> None:
        """Hold a block that begins at the position."""
        is_next = self._position == self._base + len(self._data)
        ahead, self._ahead = self._ahead, None
        self._block = min(2 * self._block, _LARGEST_BLOCK) if is_next else _SMALLEST_BLOCK
        self._base = self._position
        if is_next and ahead is not None:
            self._data = ahead.result()
        else:
            self._data = self._fetch(self._base, min(max(needed, self._block), _LARGEST_BLOCK))
        following = self._base + len(self._data)
        if is_next and self._block >= _WORTH_FETCHING_AHEAD and following < self._size:
            self._ahead = self._pool.submit(self._fetch, following, self._block)

    def _fetch(self, start: int, size: int) -> bytes:
        return self._bucket.open_range(self._key, start, min(start + size, self._size))
