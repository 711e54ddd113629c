"""The HTTP front: API Gateway's part, with its limits and its answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from socket import socket
from typing import Any

from aiohttp import web

from infra.local.functions.invocation import PayloadTooLarge
from infra.local.functions.pool import FunctionPool
from infra.local.gateway.api import GatewayResponse, RestApi, Route
from infra.local.gateway.authorization import Authorization, Refusal
from infra.local.gateway.blobs import Blobs
from infra.local.gateway.event import (
    Answer,
    MalformedAnswer,
    Request,
    base_event,
    method_arn,
    parse_answer,
    proxy_event,
)
from infra.local.http_server import BodyTooLarge, HttpServer, read_body

_logger = logging.getLogger(__name__)
BODY_BYTES = 10 * 1024 * 1024
_FALLBACK = GatewayResponse(500, {}, '{"message":$context.error.messageString}')
_INTERNAL = "Internal server error"
_PATIENCE_SECONDS = 30.0


class Front:
    """Answer HTTP by calling functions."""

    def __init__(self, api: RestApi, pools: Mapping[str, FunctionPool], blobs: Blobs) -> None:
        self._api = api
        self._pools = pools
        self._blobs = blobs
        self._server = HttpServer(self._handle, _PATIENCE_SECONDS)
        authorizers = {route.authorizer for route in api.routes if route.authorizer}
        self._authorizations = {
            item: Authorization(item, pools[item.function.name]) for item in authorizers
        }

    async def start(self, listener: socket) -> None:
        """Serve on a listening socket."""
        await self._server.start(listener)

    async def stop(self) -> None:
        """Finish what is being answered and close."""
        await self._server.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if self._blobs.is_one(request.method, path):
            return await self._blobs.serve(request, path, query)
        try:
            answer = await self._answer(await _read(request, path, query))
        except BodyTooLarge:
            answer = self._own("REQUEST_TOO_LARGE", "Request Too Long")
            answer.headers.append(("Connection", "close"))
        return _render(request, answer)

    async def _answer(self, request: Request) -> Answer:
        found = self._api.route(request.method, request.path)
        if found is None:
            return self._own("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
        route, parameters = found
        try:
            return await self._call(request, route, parameters)
        except Refusal as refusal:
            return self._own(refusal.response_type, refusal.message)
        except PayloadTooLarge:
            return self._own("REQUEST_TOO_LARGE", "Request Too Long")
        except TimeoutError:
            return self._own("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        except MalformedAnswer:
            _logger.warning("malformed answer of %s", route.function.name)
            return Answer(502, [("Content-Type", "application/json")], _internal_error())

    async def _call(self, request: Request, route: Route, parameters: Mapping[str, str]) -> Answer:
        event = base_event(request, self._api, route, parameters)
        authorized = await self._authorize(request, route, event)
        pool = self._pools[route.function.name]
        call = asyncio.ensure_future(pool.invoke(proxy_event(event, request, authorized)))
        done, _ = await asyncio.wait({call}, timeout=route.timeout_seconds)
        if not done:  # the function runs on until its own timeout
            call.add_done_callback(_take_exception)
            raise TimeoutError
        outcome = call.result()
        if not outcome.is_good:
            raise MalformedAnswer
        return parse_answer(outcome.payload)

    async def _authorize(
        self, request: Request, route: Route, event: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        if route.authorizer is None:
            return None
        authorization = self._authorizations[route.authorizer]
        return await authorization.authorize(request, event, method_arn(request, self._api))

    def _own(self, response_type: str, message: str) -> Answer:
        response = self._api.responses.get(response_type, _FALLBACK)
        headers = [("Content-Type", "application/json"), *response.headers.items()]
        return Answer(response.status, headers, response.body(message))


async def _read(request: web.BaseRequest, path: str, query: str) -> Request:
    return Request(
        method=request.method,
        path=path,
        query=query,
        headers=[
            (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
            for name, value in request.raw_headers
        ],
        source_ip=request.remote or "",
        body=await read_body(request, BODY_BYTES),
    )


def _render(request: web.BaseRequest, answer: Answer) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body)
    response.headers.pop("Content-Type", None)
    length = len(answer.body)
    for name, value in answer.headers:
        if name.lower() == "content-length" and request.method == "HEAD":
            length = int(value)
        elif name.lower() != "content-length":
            response.headers.add(name, value)
    if request.method == "HEAD":
        response.body = None
        response.headers["Content-Length"] = str(length)
    return response


def _internal_error() -> bytes:
    return b'{"message": "' + _INTERNAL.encode() + b'"}'


def _take_exception(call: asyncio.Future[Any]) -> None:
    """Look at the outcome of a call nobody waits for any more."""
    if not call.cancelled() and call.exception() is not None:
        _logger.warning("a call ended after its request: %s", type(call.exception()).__name__)
