"""Ranges of bytes, as Orthanc reads them."""

from __future__ import annotations

import re
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from nephele.errors import BadRange

_RANGE = re.compile(r"bytes=([0-9]{0,20})-([0-9]{0,20})")
MEDIA_TYPE = "application/octet-stream"


def asked_range(request: Request, size_bytes: int) -> tuple[int, int] | None:
    """Return the bytes `[start, stop)` a client asks for, None where it asks for all.

    `-b` are the bytes up to `b`, as in Orthanc; in HTTP they would be the last ones.

    Raises
    ------
    BadRange
        There are no such bytes, or it is no range.
    """
    header = request.headers.get("range")
    if header is None:
        return None
    found = _RANGE.fullmatch(header.strip().replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        raise BadRange("")
    start = int(found[1] or 0)
    last = int(found[2]) if found[2] else size_bytes - 1
    if not start <= last < size_bytes:
        raise BadRange("")
    return start, last + 1


def partial_answer(content: bytes, start: int, size_bytes: int) -> Response:
    """Answer with some bytes of a file."""
    last = start + len(content) - 1
    headers = {"Content-Range": f"bytes {start}-{last}/{size_bytes}"}
    status = HTTPStatus.PARTIAL_CONTENT
    return Response(content, status, headers=headers, media_type=MEDIA_TYPE)
