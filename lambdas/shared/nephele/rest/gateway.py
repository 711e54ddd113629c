"""What API Gateway tells of a request besides HTTP: the caller, and the stage in front of paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

USERNAME = "nephele.username"
"""Scope key: who has logged in, where that is known without API Gateway."""
_DEFAULT_HOST = ".execute-api."
_CLOUDFRONT = b"x-amz-cf-id"

Scope = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: Orthanc's `RemoteIP` and `HttpUsername` metadata."""

    remote_ip: str
    http_username: str


def caller_of(request: Request) -> Caller:
    """Read the caller from the event of API Gateway, else from the connection.

    Behind CloudFront, API Gateway sees CloudFront's address; the viewer's own comes in a header
    that can be believed where the deployment names it: its firewall lets nobody else send one.
    """
    authorizer = _request_context(request.scope).get("authorizer") or {}
    header = getattr(request.app.state, "viewer_header", "")
    viewer = request.headers.get(header, "") if header else ""
    remote_ip = viewer or (request.client.host if request.client else "")
    claims = authorizer.get("claims") or {}  # where Cognito's users log in
    known = request.scope.get(USERNAME) or authorizer.get("username")
    username = known or claims.get("cognito:username", "")
    return Caller(remote_ip, str(username))


def stage_prefix(scope: Scope) -> str:
    """Return what a client has in front of our paths: `/<stage>`, or nothing.

    Only API Gateway's default host name shows the stage. CloudFront adds it itself (its origin
    path), an own domain hides it, and uvicorn has none.
    """
    headers = dict(scope["headers"])
    if _DEFAULT_HOST not in headers.get(b"host", b"").decode("latin-1") or _CLOUDFRONT in headers:
        return ""
    stage = _request_context(scope).get("stage", "")
    return f"/{stage}" if stage else ""


def _request_context(scope: Scope) -> dict[str, Any]:
    context: dict[str, Any] = scope.get("aws.event", {}).get("requestContext", {})
    return context
