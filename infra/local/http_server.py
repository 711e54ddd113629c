"""A small HTTP server on the event loop: one handler, raw paths, bodies read under a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from socket import socket
from typing import Any

import aiohttp
from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_KEEP_ALIVE_SECONDS = 75.0
_LINGERING_SECONDS = 1.0
_MOST_DRAINED_BYTES = 256 * 1024 * 1024


class BodyTooLarge(Exception):
    """The body is larger than the limit; the rest of it was not read."""


class HttpServer:
    """Serve a handler on a listening socket.

    Parameters
    ----------
    patience_seconds : float
        How long a stop waits for answers that are being made.
    """

    def __init__(self, handler: Handler, patience_seconds: float) -> None:
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": _KEEP_ALIVE_SECONDS,
            "lingering_time": _LINGERING_SECONDS,
            "max_line_size": 32768,
            "max_field_size": 32768,
        }
        self._runner = web.ServerRunner(
            web.Server(handler, **options), shutdown_timeout=patience_seconds
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
    has_asked = request.headers.get("Expect", "").lower() == "100-continue"
    if (request.content_length or 0) > limit_bytes:
        if not has_asked:
            await _drain(request)
        raise BodyTooLarge
    if has_asked:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.content.iter_any():
            size += len(part)
            if size > limit_bytes:
                await _drain(request)
                raise BodyTooLarge
            parts.append(part)
    except aiohttp.ClientPayloadError as exc:
        raise ConnectionResetError from exc
    return b"".join(parts)


async def _drain(request: web.BaseRequest) -> None:
    """Let a client that does not listen while it sends come to its end, within reason."""
    dropped = 0
    async for part in request.content.iter_any():
        dropped += len(part)
        if dropped > _MOST_DRAINED_BYTES:
            return
