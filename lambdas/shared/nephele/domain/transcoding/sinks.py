"""Where a transcoded file goes, front last: what stands there tells of all that follows.

The offset table and the compression ratio come first in a file and are known at its end.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self, cast

from nephele.domain.full_disk import full_disk_translated

_COPIED_AT_ONCE_BYTES = 1 << 22
_IN_MEMORY_BYTES = 64 << 20
_RESULT = "the transcoded file in temporary storage"


class Sink(Protocol):
    """Takes a file whose front is known last."""

    def begin(self, front_bytes: int) -> None:
        """Say how long the front will probably be; called once, before anything is written."""

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes behind the front."""

    def finish(self, front: bytes) -> None:
        """Take what goes in front of everything; the file is whole then."""


def copy_to(file: BinaryIO, sink: Sink) -> None:
    """Write a seekable file to a sink as it is."""
    sink.begin(0)
    file.seek(0)
    while chunk := file.read(_COPIED_AT_ONCE_BYTES):
        sink.write(chunk)
    sink.finish(b"")


class MemorySink:
    """Keeps a file in memory."""

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []
        self._front = b""

    def begin(self, front_bytes: int) -> None:
        """Do nothing: memory has no order."""

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes behind the front."""
        self._parts.append(data)

    def finish(self, front: bytes) -> None:
        """Take the front."""
        self._front = front

    def getvalue(self) -> bytes:
        """Return the whole file."""
        return b"".join((self._front, *self._parts))


class _RoomySink:
    """Writes to a file in which room is left for the front.

    Should that turn out to have another length, what follows is copied.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._room = 0

    def begin(self, front_bytes: int) -> None:
        """Leave room for the front."""
        self._room = front_bytes
        self.file.seek(front_bytes)

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes behind the front."""
        self.file.write(data)

    def finish(self, front: bytes) -> None:
        """Write the front."""
        if len(front) != self._room:
            self._make_room(len(front))
        self.file.seek(0)
        self.file.write(front)
        self.file.flush()

    def _make_room(self, front_bytes: int) -> None:
        """Copy what is behind the front to where it belongs."""
        with tempfile.TemporaryFile() as kept:
            self.file.seek(self._room)
            shutil.copyfileobj(self.file, kept, _COPIED_AT_ONCE_BYTES)
            self.file.truncate(0)
            self.file.seek(front_bytes)
            kept.seek(0)
            shutil.copyfileobj(kept, self.file, _COPIED_AT_ONCE_BYTES)


class SpoolSink(_RoomySink):
    """Keeps a file in memory, a large one in a temporary file; a context manager.

    StorageFull comes of a disk that has no room for it.
    """

    def __init__(self, memory_bytes: int = _IN_MEMORY_BYTES) -> None:
        spool = tempfile.SpooledTemporaryFile(memory_bytes)  # noqa: SIM115  closed at the exit
        super().__init__(cast("BinaryIO", spool))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.file.close()

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes behind the front."""
        with full_disk_translated(_RESULT):
            super().write(data)

    def finish(self, front: bytes) -> None:
        """Write the front."""
        with full_disk_translated(_RESULT):
            super().finish(front)


class FileSink(_RoomySink):
    """Writes a file beside its target and renames it when it is whole; a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{uuid.uuid4().hex}.part")
        super().__init__(self._partial.open("x+b"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.file.close()
        self._partial.unlink(missing_ok=True)

    def finish(self, front: bytes) -> None:
        """Write the front and give the file its name."""
        super().finish(front)
        self._partial.replace(self._path)
