"""The Lambda Runtime API, 2018-06-01, one server for each worker."""

from __future__ import annotations

import asyncio

from aiohttp import web

from infra.local.functions.invocation import (
    PAYLOAD_BYTES,
    RESPONSE_TOO_LARGE,
    UNHANDLED,
    Invocation,
    Outcome,
    failure,
)
from infra.local.http_server import BodyTooLarge, HttpServer, read_body
from infra.local.ports import LOOPBACK, listen, port_of

_PREFIX = "/2018-06-01/runtime/"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_NO_PATIENCE_SECONDS = 0.01


class RuntimeApi:
    """Hand invocations to one worker and take its answers.

    Attributes
    ----------
    ready : asyncio.Event
        Set when the worker asks for its first event: its initialization is over.
    init_error : Outcome or None
        What the worker said when its initialization failed.
    """

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.init_error: Outcome | None = None
        self.address = ""
        self._server = HttpServer(self._handle, _NO_PATIENCE_SECONDS)
        self._waiting: asyncio.Queue[Invocation] = asyncio.Queue()
        self._results: dict[str, asyncio.Future[Outcome]] = {}

    async def open(self) -> None:
        """Listen on a free port."""
        listener = listen(0, "")
        self.address = f"{LOOPBACK}:{port_of(listener)}"
        await self._server.start(listener)

    async def close(self) -> None:
        """Close; the worker is gone."""
        await self._server.stop()

    def offer(self, invocation: Invocation) -> asyncio.Future[Outcome]:
        """Hand an invocation to the worker; the future holds what it answers."""
        result: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._results[invocation.request_id] = result
        self._waiting.put_nowait(invocation)
        return result

    def forget(self, invocation: Invocation) -> None:
        """Stop waiting for an answer."""
        self._results.pop(invocation.request_id, None)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        if not path.startswith(_PREFIX):
            return web.Response(status=404)
        match path.removeprefix(_PREFIX).split("/"):
            case ["invocation", "next"]:
                return await self._next()
            case ["invocation", request_id, "response"]:
                return await self._take_response(request, request_id)
            case ["invocation", request_id, "error"]:
                return self._finish(request_id, await _read_error(request))
            case ["init", "error"]:
                self.init_error = await _read_error(request)
                return _accepted()
        return web.Response(status=404)

    async def _next(self) -> web.Response:
        self.ready.set()
        invocation = await self._waiting.get()
        return web.Response(body=invocation.payload, headers=invocation.headers())

    async def _take_response(self, request: web.BaseRequest, request_id: str) -> web.Response:
        try:
            payload = await read_body(request, PAYLOAD_BYTES)
        except BodyTooLarge:
            message = f"Response payload size exceeded maximum of {PAYLOAD_BYTES} bytes."
            self._finish(request_id, failure(RESPONSE_TOO_LARGE, message))
            return web.json_response({"errorType": RESPONSE_TOO_LARGE}, status=413)
        return self._finish(request_id, Outcome(payload))

    def _finish(self, request_id: str, outcome: Outcome) -> web.Response:
        result = self._results.pop(request_id, None)
        if result is None or result.done():
            return web.json_response({"errorType": "InvalidRequestID"}, status=400)
        result.set_result(outcome)
        return _accepted()


async def _read_error(request: web.BaseRequest) -> Outcome:
    try:
        payload = await read_body(request, PAYLOAD_BYTES)
    except BodyTooLarge:
        return failure(UNHANDLED, "the error itself is too large")
    return Outcome(payload, request.headers.get(_ERROR_TYPE, UNHANDLED))


def _accepted() -> web.Response:
    return web.json_response({"status": "OK"}, status=202)
