"""The control endpoint: figures, switches and events for tests and benchmarks."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from collections.abc import Awaitable, Callable
from socket import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson
from aiohttp import web

from infra.local.functions.invocation import PAYLOAD_BYTES, PayloadTooLarge
from infra.local.http_server import HttpServer, read_body
from infra.local.ports import LOOPBACK, port_of

if TYPE_CHECKING:
    from infra.local.edge import Edge
    from infra.local.running import Running

_LONGEST_WAIT_SECONDS = 600.0
_STEP_SECONDS = 0.05
_Action = Callable[[web.BaseRequest], Awaitable[Any]]
_PATIENCE_SECONDS = 1.0


class Control:
    """Serve the endpoint.

    `GET /status`, `GET /grants`, `GET|POST /faults`, `POST /reset`, `GET /idle?seconds=N`,
    `POST /schedules`, `POST /functions/<name>/invoke?seconds=N`, `POST /functions/<name>/kill`,
    `POST /edge/kill`, and the edge's credentials.
    """

    def __init__(self, listener: socket) -> None:
        self.url = f"http://{LOOPBACK}:{port_of(listener)}"
        self.token = secrets.token_urlsafe(32)
        self.edge_role = ""
        self.edge: Edge | None = None
        self._listener = listener
        self._server = HttpServer(self._handle, _PATIENCE_SECONDS)
        self._running: Running | None = None
        self._actions: dict[tuple[str, str], _Action] = {
            ("GET", "/status"): self._status,
            ("GET", "/grants"): self._grants,
            ("GET", "/faults"): self._faults,
            ("POST", "/faults"): self._change_faults,
            ("POST", "/reset"): self._reset,
            ("GET", "/idle"): self._idle,
            ("POST", "/schedules"): self._schedules,
            ("POST", "/edge/kill"): self._kill_edge,
            ("GET", "/credentials"): self._credentials,
        }

    async def start(self, running: Running) -> None:
        """Serve what is running."""
        self._running = running
        await self._server.start(self._listener)

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()

    @property
    def running(self) -> Running:
        """What is running."""
        if self._running is None:
            raise RuntimeError("the control endpoint is not started")
        return self._running

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        action = self._actions.get((request.method, path))
        if action is None:
            action = self._function_action(request.method, path)
        if action is None:
            return _json({"error": "no such route"}, 404)
        try:
            return _json(await action(request), 200)
        except (ValueError, PayloadTooLarge) as exc:
            return _json({"error": str(exc) or type(exc).__name__}, 400)
        except TimeoutError:
            return _json({"error": "not idle in time", **self.running.backlog}, 408)
        except PermissionError:
            return _json({"error": "forbidden"}, 403)

    def _function_action(self, method: str, path: str) -> _Action | None:
        match path.split("/"):
            case ["", "functions", name, "invoke"] if method == "POST":
                return lambda request: self._invoke(name, request)
            case ["", "functions", name, "kill"] if method == "POST":
                return lambda _request: self._kill(name)
        return None

    async def _status(self, _request: web.BaseRequest) -> Any:
        return self.running.summary()

    async def _grants(self, _request: web.BaseRequest) -> Any:
        return await self.running.grants()

    async def _faults(self, _request: web.BaseRequest) -> Any:
        return dataclasses.asdict(self.running.switches.faults)

    async def _change_faults(self, request: web.BaseRequest) -> Any:
        changes = orjson.loads(await read_body(request, PAYLOAD_BYTES))
        try:
            return dataclasses.asdict(self.running.switches.change(changes))
        except TypeError as exc:
            raise ValueError(str(exc)) from exc

    async def _reset(self, _request: web.BaseRequest) -> Any:
        self.running.reset_figures()
        return {}

    async def _idle(self, request: web.BaseRequest) -> Any:
        """Answer when nothing is queued, in flight or in the stream, twice in a row."""
        asked = float(_asked(request, "seconds", "60"))
        async with asyncio.timeout(min(asked, _LONGEST_WAIT_SECONDS)):
            quiet = 0
            while quiet < 2:
                quiet = quiet + 1 if await self.running.is_idle() else 0
                await asyncio.sleep(_STEP_SECONDS)
        return {"idle": True}

    async def _schedules(self, _request: web.BaseRequest) -> Any:
        for schedule in self.running.schedules:
            await schedule.fire()
        return {"fired": len(self.running.schedules)}

    async def _invoke(self, name: str, request: web.BaseRequest) -> Any:
        """Call a function, with less time than it has where that is asked."""
        pool = self.running.pool(name)
        seconds = float(_asked(request, "seconds", "inf"))
        outcome = await pool.invoke(await read_body(request, 2 * PAYLOAD_BYTES), seconds)
        payload = orjson.loads(outcome.payload) if outcome.payload else None
        return {"error": outcome.error, "payload": payload}

    async def _kill(self, name: str) -> Any:
        self.running.pool(name).kill()
        return {}

    async def _kill_edge(self, _request: web.BaseRequest) -> Any:
        if self.edge is None:
            raise ValueError("there is no edge")
        self.edge.kill()
        return {}

    async def _credentials(self, request: web.BaseRequest) -> Any:
        if not secrets.compare_digest(request.headers.get("Authorization", ""), self.token):
            raise PermissionError
        credentials = await self.running.roles.credentials(self.edge_role)
        return credentials.container_document(self.edge_role)


def _asked(request: web.BaseRequest, name: str, otherwise: str) -> str:
    return parse_qs(request.raw_path.partition("?")[2]).get(name, [otherwise])[0]


def _json(document: Any, status: int) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")
