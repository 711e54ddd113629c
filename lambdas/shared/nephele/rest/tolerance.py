"""Forgiving field clients: odd slashes, faked methods, and Orthanc's answers to odd verbs."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nephele.rest.gateway import stage_prefix

URI = "nephele.uri"
"""Scope key: the path as error descriptions show it, doubled slashes collapsed."""

_SERVED = frozenset({"GET", "POST", "PUT", "DELETE"})
_WEBDAV = frozenset(
    "HEAD OPTIONS PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK".split()  # Orthanc's list
)
_FAKED = frozenset({"PUT", "DELETE"})
_SLASHES = re.compile("//+")


class Tolerance:
    """ASGI middleware: normalizes path and method before routing.

    HEAD, OPTIONS and WebDAV's verbs get an empty 404 (they only reach WebDAV in Orthanc), any
    other unknown verb an empty 400.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = faked_method(scope) or scope["method"]
        if method not in _SERVED:
            is_webdav = method in _WEBDAV
            status = HTTPStatus.NOT_FOUND if is_webdav else HTTPStatus.BAD_REQUEST
            await Response(status_code=status)(scope, receive, send)
            return
        uri = _SLASHES.sub("/", scope["path"]) or "/"
        path = uri.rstrip("/") or "/"
        changed: dict[str, Any] = {
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": stage_prefix(scope),
            URI: uri,
        }
        await self._app({**scope, **changed}, receive, send)


def faked_method(scope: Scope) -> str | None:
    """Return the method a client asks for beside the real one, `unknown` where it is refused.

    The header counts with any verb, `_method=` with GET alone; PUT and DELETE may be asked for.
    """
    asked = dict(scope["headers"]).get(b"x-http-method-override")
    if asked is None and scope["method"] == "GET":
        query = parse_qs(scope["query_string"], keep_blank_values=True)
        asked = query.get(b"_method", [None])[0]
    if asked is None:
        return None
    method = asked.decode("latin-1").upper()
    return method if method in _FAKED else "unknown"
