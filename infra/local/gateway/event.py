"""Proxy events of a REST API, and the answers functions give to them."""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from infra.local.aws.server import ACCOUNT, REGION
from infra.local.gateway.api import RestApi, Route

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade"})


class MalformedAnswer(Exception):
    """The function's answer is not what API Gateway takes."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it came.

    Attributes
    ----------
    path, query : str
        As sent, still percent-encoded.
    headers : list of (str, str)
        In order, names as sent.
    """

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    source_ip: str
    body: bytes = b""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def header(self, name: str) -> str | None:
        """Return a header's last value, None if it was not sent."""
        values = [value for key, value in self.headers if key.lower() == name]
        return values[-1] if values else None


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def base_event(
    request: Request, api: RestApi, route: Route, parameters: Mapping[str, str]
) -> dict[str, Any]:
    """Return what authorizers and proxy integrations get alike."""
    pairs = parse_qsl(request.query, keep_blank_values=True, encoding="utf-8", errors="replace")
    headers = _forwarded(request)
    return {
        "resource": route.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": _grouped(headers),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _grouped(pairs) or None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": _context(request, api, route),
    }


def authorizer_event(event: Mapping[str, Any], arn: str) -> bytes:
    """Return the event of a request authorizer."""
    return orjson.dumps({"type": "REQUEST", "methodArn": arn, **event})


def proxy_event(
    event: Mapping[str, Any], request: Request, authorized: Mapping[str, Any] | None
) -> bytes:
    """Return the event of a proxy integration; every body is binary (`*/*`)."""
    context = dict(event["requestContext"])
    if authorized is not None:
        context["authorizer"] = authorized
    body = base64.b64encode(request.body).decode("ascii") if request.body else None
    return orjson.dumps(
        {**event, "requestContext": context, "body": body, "isBase64Encoded": body is not None}
    )


def method_arn(request: Request, api: RestApi) -> str:
    """Return the ARN policies name a call by."""
    path = request.path.lstrip("/")
    return (
        f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.api_id}/{api.stage}/{request.method}/{path}"
    )


def parse_answer(payload: bytes) -> Answer:
    """Read a function's answer.

    Raises
    ------
    MalformedAnswer
        It is not a proxy answer.
    """
    try:
        answer = orjson.loads(payload)
        status = int(answer["statusCode"])
        body = answer.get("body") or ""
        content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        headers = _answer_headers(answer)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as exc:
        raise MalformedAnswer from exc
    return Answer(status, headers, content)


def _answer_headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Join single and multiple values; a name in both has its multiple ones."""
    many = answer.get("multiValueHeaders") or {}
    single = answer.get("headers") or {}
    names = {name.lower() for name in many}
    pairs = [(name, _text(value)) for name, values in many.items() for value in values]
    pairs += [(name, _text(value)) for name, value in single.items() if name.lower() not in names]
    return [(name, value) for name, value in pairs if name.lower() not in _HOP_BY_HOP]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _forwarded(request: Request) -> list[tuple[str, str]]:
    kept = [pair for pair in request.headers if pair[0].lower() not in _HOP_BY_HOP | {"expect"}]
    known = request.header("x-forwarded-for")
    chain = f"{known}, {request.source_ip}" if known else request.source_ip
    kept = [pair for pair in kept if not pair[0].lower().startswith("x-forwarded-")]
    return [*kept, ("X-Forwarded-For", chain), ("X-Forwarded-Proto", "http")]


def _context(request: Request, api: RestApi, route: Route) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": ACCOUNT,
        "apiId": api.api_id,
        "domainName": request.header("host") or "",
        "extendedRequestId": request.request_id,
        "httpMethod": request.method,
        "identity": {
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent"),
        },
        "path": f"/{api.stage}{request.path}",
        "protocol": "HTTP/1.1",
        "requestId": request.request_id,
        "requestTime": f"{datetime.fromtimestamp(now, UTC):%d/%b/%Y:%H:%M:%S +0000}",
        "requestTimeEpoch": int(now * 1000),
        "resourcePath": route.resource,
        "stage": api.stage,
    }


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped
