"""The login of a server that has no API Gateway in front of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nephele.rest.gateway import USERNAME
from nephele.services.login import CACHE_SECONDS, Doorkeeper

_CHALLENGE = 'Basic realm="Orthanc Secure Area"'
_MOST_KNOWN = 1000
_CHECKED_AT_ONCE = 2
"""Each takes 16 MB and a processor (scrypt): requests do not wait for those that guess."""


class Login:
    """ASGI middleware that lets in who has a right login, as Orthanc's own server does.

    A password takes a while to check: a login that was right is remembered for a minute, by its
    hash.

    Parameters
    ----------
    clock : callable
        A monotonic clock in seconds.
    """

    def __init__(
        self, app: ASGIApp, doorkeeper: Doorkeeper, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._known: dict[bytes, tuple[float, str]] = {}
        self._checking = CapacityLimiter(_CHECKED_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; nothing of its body is read before the login is right."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        username = await self._username(Headers(scope=scope).get("authorization", ""))
        if username is None:
            headers = {"WWW-Authenticate": _CHALLENGE, "Connection": "close"}
            response = Response(status_code=HTTPStatus.UNAUTHORIZED, headers=headers)
            await response(scope, receive, send)
            return
        await self._app({**scope, USERNAME: username}, receive, send)

    async def _username(self, authorization: str) -> str | None:
        if not authorization:  # there is nothing to check: it waits for none of those that are
            return self._doorkeeper.username_of({})
        digest = hashlib.sha256(authorization.encode()).digest()
        good_until, known = self._known.get(digest, (0.0, ""))
        if self._clock() < good_until:
            return known
        headers = {"authorization": authorization}
        username = await to_thread.run_sync(
            self._doorkeeper.username_of, headers, limiter=self._checking
        )
        if username is not None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[digest] = (self._clock() + CACHE_SECONDS, username)
        return username
