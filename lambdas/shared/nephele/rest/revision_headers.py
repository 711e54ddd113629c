"""The headers of revisions: `ETag`, `If-Match` and `If-None-Match`."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from nephele.services.revisions import Revision, parse_revision


def expected_revision(request: Request) -> Revision | None:
    """Return what a client expects to change (`If-Match`), None where it does not say."""
    header = request.headers.get("if-match")
    return None if header is None else parse_revision(header, "if-match")


def unchanged(request: Request, revision: Revision) -> Response | None:
    """Return the answer to a client that has this revision already (`If-None-Match`)."""
    header = request.headers.get("if-none-match")
    if header is None or parse_revision(header, "If-None-Match") != revision:
        return None
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": revision.etag})


def attached_answer(revision: Revision) -> Response:
    """Answer to what was attached."""
    body = Response(b"{}", headers={"Content-Type": "application/json"})
    return with_revision(body, revision)


def with_revision(response: Response, revision: Revision) -> Response:
    """Let an answer tell its revision."""
    response.headers["ETag"] = revision.etag
    return response
