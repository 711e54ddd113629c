"""A small HTTP server on the event loop: one handler, raw paths, bodies read under a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from socket import socket
from typing import Any

import aiohttp
from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_KEEP_ALIVE_SECONDS = 75.0
_SHUTDOWN_SECONDS = 35.0


class BodyTooLarge(Exception):
    """The body is larger than the limit; the rest of it was not read."""


class HttpServer:
    """Serve a handler on a listening socket."""

    def __init__(self, handler: Handler) -> None:
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": _KEEP_ALIVE_SECONDS,
            "max_line_size": 32768,
            "max_field_size": 32768,
        }
        self._runner = web.ServerRunner(
            web.Server(handler, **options), shutdown_timeout=_SHUTDOWN_SECONDS
        )

    async def start(self, listener: socket, **options: Any) -> None:
        """Start serving."""
        await self._runner.setup()
        await web.SockSite(self._runner, listener, **options).start()

    async def stop(self) -> None:
        """Accept nothing more, and let what is being answered finish."""
        await self._runner.cleanup()


async def read_body(request: web.BaseRequest, limit_bytes: int) -> bytes:
    """Read a request's body.

    Raises
    ------
    BodyTooLarge
        It is larger than the limit.
    """
    if (request.content_length or 0) > limit_bytes:
        raise BodyTooLarge
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.content.iter_any():
            size += len(part)
            if size > limit_bytes:
                raise BodyTooLarge
            parts.append(part)
    except aiohttp.ClientPayloadError as exc:
        raise ConnectionResetError from exc
    return b"".join(parts)
