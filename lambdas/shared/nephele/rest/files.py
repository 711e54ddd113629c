"""Answering with an object of the bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from nephele.domain.resources import StoredFile
from nephele.rest.limits import ANSWER_LIMIT, redirect
from nephele.services.archive import Archive
from nephele.services.handover import blob_path
from nephele.services.plain_files import iter_file, plain_key, read_file

if TYPE_CHECKING:
    from botocore.response import StreamingBody

DICOM = "application/dicom"
_CHUNK_BYTES = 1 << 20
_NEVER = re.compile(r"[\x00-\x1f\x7f/\\]")
_UNSAFE = re.compile(r"[^A-Za-z0-9._() -]")


def content_disposition(filename: str) -> str:
    """Return the header that names a file.

    Separators of paths and control characters never count. A name that ASCII cannot hold stands
    there twice, the second time as RFC 5987 has it.
    """
    plain = f'filename="{_UNSAFE.sub("_", filename)}"'
    if filename.isascii():
        return plain
    return f"{plain}; filename*=UTF-8''{quote(_NEVER.sub('_', filename), safe='')}"


def file_answer(
    request: Request,
    archive: Archive,
    key: str,
    size_bytes: int,
    filename: str,
    media_type: str = DICOM,
) -> Response:
    """Answer with a file: its bytes, or where they are too many a signed path to them.

    Without a name, `""`, there is no `Content-Disposition`.
    """
    disposition = content_disposition(filename) if filename else ""
    limit = request.scope.get(ANSWER_LIMIT)
    if limit is not None and size_bytes > limit:
        path = blob_path(archive, key, content_type=media_type, content_disposition=disposition)
        return redirect(request.scope, path)
    headers = {"Content-Length": str(size_bytes)}
    if disposition:
        headers["Content-Disposition"] = disposition
    if limit is not None:  # the platform takes an answer whole
        return Response(archive.bucket.read(key), headers=headers, media_type=media_type)
    stream = archive.bucket.open_stream(key)
    return StreamingResponse(_iter_chunks(stream), headers=headers, media_type=media_type)


def stored_answer(
    request: Request, archive: Archive, file: StoredFile, filename: str, media_type: str = DICOM
) -> Response:
    """Answer with a file as `file_answer` does, though its object may hold it compressed."""
    if not file.is_compressed:
        return file_answer(request, archive, file.key, file.size_bytes, filename, media_type)
    limit = request.scope.get(ANSWER_LIMIT)
    if limit is not None and file.size_bytes > limit:
        key = plain_key(archive.bucket, file)
        return file_answer(request, archive, key, file.size_bytes, filename, media_type)
    headers = {
        "Content-Disposition": content_disposition(filename),
        "Content-Length": str(file.size_bytes),
    }
    if limit is not None:
        content = read_file(archive.bucket, file)
        return Response(content, headers=headers, media_type=media_type)
    return StreamingResponse(
        iter_file(archive.bucket, file), headers=headers, media_type=media_type
    )


def _iter_chunks(stream: StreamingBody) -> Iterator[bytes]:
    try:
        yield from stream.iter_chunks(_CHUNK_BYTES)
    finally:
        stream.close()
