"""Large objects of ministack, sent from their files in pieces.

It reads the whole of an object for each GET, a range as well, and sends it by one write: 5 GB of
memory for an archive of 5 GB, which does not arrive, since TLS takes no more than 2 GiB at once.
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

from ministack.core.responses import StreamingResponse
from ministack.services import s3

from infra.local.aws.cheaper import in_place

LEAST_BYTES = 1 << 20
"""Smaller ones are sent as ever."""
_PIECE_BYTES = 1 << 20

_Send = Callable[[Mapping[str, Any]], Awaitable[None]]
_Answer = tuple[int, dict[str, str], Any]
_is_getting = ContextVar("_is_getting", default=False)


@dataclass(frozen=True, slots=True)
class FilePart:
    """The bytes `[start, stop)` of an open file, as a handler of ministack looks at a body."""

    file: BinaryIO
    start: int
    stop: int

    @classmethod
    def whole(cls, file: BinaryIO) -> Self:
        """Return all of a file."""
        return cls(file, 0, file.seek(0, io.SEEK_END))

    def __len__(self) -> int:
        """Return how many bytes it has."""
        return self.stop - self.start

    def __getitem__(self, wanted: slice) -> FilePart:
        """Return some of the bytes."""
        first, behind, _ = wanted.indices(len(self))
        return FilePart(self.file, self.start + first, self.start + max(first, behind))

    async def send(self, send: _Send, _receive: object) -> None:
        """Send the bytes as the body of an answer, and close the file."""
        with self.file:
            left = len(self)
            self.file.seek(self.start)
            while left:
                piece = self.file.read(min(left, _PIECE_BYTES))
                if not piece:
                    raise EOFError("an object is shorter than it was")
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})


def get_object(*asked: Any) -> _Answer:
    """Answer as ministack does, a large object in pieces."""
    token = _is_getting.set(True)
    try:
        status, headers, body = _ministacks_get_object(*asked)
    finally:
        _is_getting.reset(token)
    if not isinstance(body, FilePart):
        return status, headers, body
    headers["Content-Length"] = str(len(body))
    return status, headers, StreamingResponse(body.send)


def read_body(bucket: str, key: str, obj: Mapping[str, Any]) -> Any:
    """Return an object's bytes, for a GET of a large one where they are."""
    if _is_getting.get() and obj.get("body") is None and obj["size"] >= LEAST_BYTES:
        path = s3._object_disk_path(bucket, key)
        if path is not None:
            return FilePart.whole(open(path, "rb"))
    return _ministacks_read_body(bucket, key, obj)


_ministacks_get_object = s3._get_object
_ministacks_read_body = in_place(s3._read_body, s3._object_disk_path)
