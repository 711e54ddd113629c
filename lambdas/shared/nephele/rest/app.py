"""The application: routers, the table of answers, and the middleware around them."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.rest.answers import UNKNOWN_RESOURCE, answer_to, error_response, is_expected
from nephele.rest.boundary import Boundary
from nephele.rest.limits import Limits, PlatformLimits
from nephele.rest.routes import SECTIONS, routes_near, served_routes
from nephele.rest.tolerance import URI, Tolerance
from nephele.services.archive import Archive
from nephele.services.system import nephele_version

_VERBS = ("GET", "POST", "PUT", "DELETE")
NO_LIMITS = Limits()
_NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own; it has no exporter here, and would log what a request carries."""


class Application(FastAPI):
    """FastAPI, whose OpenAPI document describes the routes of all sections."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made when it is first asked for."""
        if self.openapi_schema is None:
            from nephele.rest.openapi.document import complete

            described = get_openapi(
                title=self.title,
                version=self.version,
                summary=self.summary,
                routes=served_routes(),
            )
            self.openapi_schema = complete(described)
        return self.openapi_schema


def create_app(archive_factory: Callable[[], Archive], limits: Limits = NO_LIMITS) -> FastAPI:
    """Build the REST API.

    Parameters
    ----------
    archive_factory : callable
        Returns the open archive; called for each request, so it should open it once.
    limits : Limits
        What the platform allows: `nephele.rest.limits.LAMBDA` behind API Gateway.
    """
    app = Application(
        title="Nephele",
        summary="Orthanc's REST API on AWS",
        version=nephele_version(),
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    app.state.archive_factory = archive_factory
    app.router.routes.extend(SECTIONS)
    app.add_exception_handler(NepheleError, _describe)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_middleware(Tolerance)
    app.add_middleware(PlatformLimits, limits=limits, archive_factory=archive_factory)
    app.add_middleware(Boundary)
    return app


async def _describe(request: Request, exc: Exception) -> Response:
    answer = answer_to(exc)
    fields = {"status": int(answer.status), "error": type(exc).__name__, "method": request.method}
    if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.info("request refused", extra=fields)
    elif is_expected(exc):
        logger.warning("request fails, not by this server's fault", extra=fields)
    else:
        logger.error("request failed", extra=fields, exc_info=exc)
    return error_response(
        answer,
        method=request.method,
        uri=request.scope[URI],
        is_described=_is_described(request),
        details=str(exc),
        extra=_payload(exc),
    )


def _payload(exc: Exception) -> dict[str, object]:
    payload = exc.payload if isinstance(exc, NepheleError) else None
    return {} if payload is None else {"ErrorPayload": payload}


async def _not_routed(request: Request, exc: Exception) -> Response:
    """Answer what no route serves: 405 with the verbs of the path, or an unknown resource."""
    allowed = _allowed(request)
    if allowed:
        return Response(
            status_code=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ",".join(allowed)}
        )
    return error_response(
        UNKNOWN_RESOURCE,
        method=request.method,
        uri=request.scope[URI],
        is_described=_is_described(request),
        details="Nephele does not serve this path",
    )


def _allowed(request: Request) -> list[str]:
    verbs: set[str] = set()
    for route in routes_near(request.scope):
        if route.matches(request.scope)[0] is not Match.NONE:
            verbs |= route.methods or set()
    return [verb for verb in _VERBS if verb in verbs]


def _is_described(request: Request) -> bool:
    archive: Archive = request.app.state.archive_factory()
    return archive.configuration.http_describe_errors
