"""The outermost boundary of a request: whatever escapes becomes a 500 and one log line."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nephele.logs import logger
from nephele.rest.answers import INTERNAL_ERROR, error_response
from nephele.services.durations import REST_REQUESTS


class Boundary:
    """ASGI middleware that answers unexpected exceptions with Orthanc's "Internal error".

    It also takes the time of all requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an exception after the answer began is raised again."""
        has_begun = False
        started = REST_REQUESTS.begin()

        async def watch(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            if scope["type"] != "http" or has_begun:
                raise
            logger.exception("request failed", extra={"method": scope["method"]})
            response = error_response(
                INTERNAL_ERROR, method=scope["method"], uri=scope["path"], is_described=True
            )
            await response(scope, receive, send)
        finally:
            REST_REQUESTS.end(started)
