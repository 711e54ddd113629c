"""Answers made in a temporary file: what may be too large for memory, or for one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from nephele.rest.limits import ANSWER_LIMIT, redirect
from nephele.services.archive import Archive
from nephele.services.handover import hand_over_file
from nephele.settings.limits import LAMBDA_ARRAY_BYTES

OCTET_STREAM = "application/octet-stream"
_IN_MEMORY_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 20


def array_answer(
    request: Request, archive: Archive, write: Callable[[BinaryIO, int | None], None]
) -> Response:
    """Answer with a file of an array, or where it is too large with a signed path to it.

    Parameters
    ----------
    write : callable
        Writes the array into a file; is told how many bytes it may have, None for no limit.
    """
    limit: int | None = request.scope.get(ANSWER_LIMIT)
    with ExitStack() as stack:
        file = cast(BinaryIO, stack.enter_context(SpooledTemporaryFile(_IN_MEMORY_BYTES)))
        write(file, None if limit is None else LAMBDA_ARRAY_BYTES)
        size = file.tell()
        file.seek(0)
        if limit is not None and size > limit:
            path = hand_over_file(archive, file, content_type=OCTET_STREAM)
            return redirect(request.scope, path)
        stack.pop_all()
    headers = {"Content-Length": str(size)}
    return StreamingResponse(_iter_chunks(file), headers=headers, media_type=OCTET_STREAM)


def _iter_chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
