"""Routes and routers that a process pays for when a request needs them, not at its start.

FastAPI takes more than a millisecond to analyse one route, and an import of a router brings its
services along; a cold start would pay that for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cached_property, wraps
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any, cast

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette._utils import get_route_path
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

IS_ALONE: ContextVar[bool] = ContextVar("is_alone", default=False)
"""Set where a process has one request at a time: a thread for its endpoint would be for nothing."""

_PACKAGE = "nephele.rest.routers"
_ANY = ""
_REST = ":path}"


class DeferredRoute(APIRoute):
    """A route that is analysed when a path of its shape is asked for, or one of its attributes.

    Until then it has its path alone. Routers take it as their `route_class`.
    """

    def __init__(self, path: str, endpoint: Callable[..., Response], **options: Any) -> None:
        self.path = path
        fixed, has_rest, _ = path.partition(_REST)
        parts = fixed.split("/")[1:]
        self._shape = tuple(_ANY if "{" in part else part for part in parts)
        self._has_rest = bool(has_rest)
        self._arguments = (endpoint, options)

    def __getattr__(self, name: str) -> Any:
        """Analyse the route: everything but its path comes of that."""
        if "_arguments" not in self.__dict__:
            raise AttributeError(name)
        self.analyse()
        return getattr(self, name)

    def analyse(self) -> None:
        """Let FastAPI analyse the route, unless it has."""
        if "_arguments" in self.__dict__:
            endpoint, options = self.__dict__.pop("_arguments")
            super().__init__(self.path, _awaitable(endpoint), **options)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a request; without an analysis where its path has another shape."""
        parts = get_route_path(scope).split("/")[1:]
        shape = self._shape
        if len(parts) == len(shape) or self._has_rest:
            pairs = zip(shape, parts, strict=False)
            if all(wanted in (_ANY, part) for wanted, part in pairs):
                return super().matches(scope)
        return Match.NONE, {}


def _awaitable(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return an endpoint that runs in a thread, unless nobody else could be kept waiting."""
    if iscoroutinefunction(endpoint):
        return endpoint

    @wraps(endpoint)
    async def answer(**arguments: Any) -> Response:
        if IS_ALONE.get():
            response: Response = endpoint(**arguments)
            return response
        return await run_in_threadpool(endpoint, **arguments)

    return answer


class Section(BaseRoute):
    """The routes of one router, for paths that begin with certain segments.

    Parameters
    ----------
    module : str
        Name of the module in `nephele.rest.routers` whose `router` it is; imported when a path
        of the section is first asked for.
    segments : str
        First segments of the router's paths: all of them, or its routes are not found.
    """

    def __init__(self, module: str, *segments: str) -> None:
        self.module = module
        self.segments = frozenset(segments)

    @cached_property
    def routes(self) -> Sequence[DeferredRoute]:
        """The routes, in the order in which they are tried."""
        router: APIRouter = import_module(f"{_PACKAGE}.{self.module}").router
        return cast("list[DeferredRoute]", router.routes)

    def serves(self, scope: Scope) -> bool:
        """Tell whether a path of this section is asked for."""
        return get_route_path(scope).removeprefix("/").partition("/")[0] in self.segments

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the first route that has path and verb, else the first that has the path."""
        best: tuple[Match, Scope] = (Match.NONE, {})
        if self.serves(scope):
            for route in self.routes:
                match = route.matches(scope)
                if match[0] is Match.FULL:
                    return match
                if best[0] is Match.NONE:
                    best = match
        return best

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route answer that matched."""
        await scope["route"].handle(scope, receive, send)
