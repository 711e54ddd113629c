"""Answers that are archives: the bytes or where they are, and the rest of a broken download."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from nephele.rest.files import content_disposition, file_answer
from nephele.rest.limits import ANSWER_LIMIT
from nephele.rest.ranges import asked_range
from nephele.services.archive import Archive
from nephele.services.archives.answer import MadeArchive
from nephele.services.archives.job import ZIP

_CHUNK_BYTES = 8 << 20


def known_etag(request: Request) -> str:
    """Return the digest of the archive that a client has, "" for none."""
    return request.headers.get("if-none-match", "").strip('"')


def unchanged_answer(digest: str) -> Response:
    """Answer a client that has the archive already."""
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_etag(digest))


def made_answer(request: Request, archive: Archive, made: MadeArchive) -> Response:
    """Answer with an archive or, if the client has the beginning, with its rest."""
    if made.digest and made.digest == known_etag(request):
        return unchanged_answer(made.digest)
    limit = request.scope.get(ANSWER_LIMIT)
    is_elsewhere = made.body is None and limit is not None and made.size_bytes > limit
    wanted = None if is_elsewhere else _wanted_range(request, made)
    if wanted is None:
        answer = _whole_answer(request, archive, made)
        answer.headers.update(_etag(made.digest) | {"Accept-Ranges": "bytes"})
        return answer
    start, stop = wanted
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": content_disposition(made.name),
        "Content-Length": str(stop - start),
        "Content-Range": f"bytes {start}-{stop - 1}/{made.size_bytes}",
        **_etag(made.digest),
    }
    content = _iter_range(archive, made, start, stop)
    status = HTTPStatus.PARTIAL_CONTENT
    return StreamingResponse(content, status, headers=headers, media_type=ZIP)


def _wanted_range(request: Request, made: MadeArchive) -> tuple[int, int] | None:
    condition = request.headers.get("if-range")
    if condition is not None and condition != _etag(made.digest).get("ETag"):
        return None
    return asked_range(request, made.size_bytes)


def _whole_answer(request: Request, archive: Archive, made: MadeArchive) -> Response:
    if made.body is None:
        return file_answer(request, archive, made.key, made.size_bytes, made.name, ZIP)
    headers = {"Content-Disposition": content_disposition(made.name)}
    return Response(made.body, headers=headers, media_type=ZIP)


def _iter_range(archive: Archive, made: MadeArchive, start: int, stop: int) -> Iterator[bytes]:
    if made.body is not None:
        yield made.body[start:stop]
        return
    for position in range(start, stop, _CHUNK_BYTES):
        yield archive.bucket.open_range(made.key, position, min(position + _CHUNK_BYTES, stop))


def _etag(digest: str) -> dict[str, str]:
    return {"ETag": f'"{digest}"'} if digest else {}
