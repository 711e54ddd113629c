"""Limits of the platform: large answers are handed over, large requests told the other way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nephele.rest.answers import Answer, error_response
from nephele.rest.deferred import IS_ALONE
from nephele.rest.gateway import stage_prefix
from nephele.services.archive import Archive
from nephele.services.handover import hand_over
from nephele.settings.limits import LAMBDA_BODY_BYTES

_MOST_DIGITS = 18
ANSWER_LIMIT = "nephele.answer_limit_bytes"
"""Scope key: the largest body of an answer, absent where there is no limit."""

_TOO_LARGE = Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 8, "Bad request")
_INSTEAD = {
    "Details": "The body is larger than one request can carry: see Upload, or use `nephele import`",
    "Upload": {
        "Method": "POST",
        "Path": "/uploads",
        "Body": {"Size": "size of the file in bytes"},
        "Then": "PUT each part to its URL, then POST /uploads/{ID}/complete",
    },
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest bodies of requests and answers; None where there is no limit.

    Attributes
    ----------
    is_alone : bool
        A process has one request at a time.
    """

    request_bytes: int | None = None
    answer_bytes: int | None = None
    is_alone: bool = False


LAMBDA = Limits(LAMBDA_BODY_BYTES, LAMBDA_BODY_BYTES, is_alone=True)


def redirect(scope: Scope, path: str) -> Response:
    """Send a client to a path of this origin: the answer is fetched there, and not remembered."""
    is_get = scope["method"] == "GET"
    status = HTTPStatus.TEMPORARY_REDIRECT if is_get else HTTPStatus.SEE_OTHER
    headers = {"Location": stage_prefix(scope) + path, "Cache-Control": "no-store"}
    hint = "The answer is elsewhere: follow the redirect (curl -L).\n"
    return Response(hint, status, headers, "text/plain")


def ask_again(request: Request) -> Response:
    """Send a client to where it is: what it asked for is being made."""
    query = request.scope["query_string"].decode("latin-1")
    response = redirect(request.scope, f"{quote(request.scope['path'])}?{query}")
    response.headers["Retry-After"] = "1"
    return response


class PlatformLimits:
    """ASGI middleware for a platform whose requests and answers are limited in size."""

    def __init__(
        self, app: ASGIApp, limits: Limits, archive_factory: Callable[[], Archive]
    ) -> None:
        self._app = app
        self._limits = limits
        self._archive_factory = archive_factory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        IS_ALONE.set(self._limits.is_alone)
        if self._is_too_large(scope):
            await _refuse(scope)(scope, receive, send)
        elif self._limits.answer_bytes is None:
            await self._app(scope, receive, send)
        else:
            held = _HeldAnswer()
            await self._app(
                {**scope, ANSWER_LIMIT: self._limits.answer_bytes}, receive, held.receive
            )
            await self._release(held, scope, receive, send)

    def _is_too_large(self, scope: Scope) -> bool:
        length = Headers(scope=scope).get("content-length", "")
        limit = self._limits.request_bytes
        if limit is None or not length.isdecimal():
            return False
        return len(length) > _MOST_DIGITS or int(length) > limit

    async def _release(self, held: _HeldAnswer, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._limits.answer_bytes
        if limit is None or len(held.body) <= limit:
            await send(held.start)
            await send({"type": "http.response.body", "body": bytes(held.body)})
            return
        headers = Headers(raw=held.start["headers"])
        path = await run_in_threadpool(
            hand_over,
            self._archive_factory(),
            bytes(held.body),
            content_type=headers.get("content-type", "application/octet-stream"),
            content_disposition=headers.get("content-disposition", ""),
        )
        await redirect(scope, path)(scope, receive, send)


class _HeldAnswer:
    """An answer that is kept until its size is known."""

    def __init__(self) -> None:
        self.start: dict[str, Any] = {}
        self.body = bytearray()

    async def receive(self, message: Message) -> None:
        """Take one message of the answer."""
        if message["type"] == "http.response.start":
            self.start = dict(message)
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


def _refuse(scope: Scope) -> Response:
    return error_response(
        _TOO_LARGE, method=scope["method"], uri=scope["path"], is_described=True, extra=_INSTEAD
    )
