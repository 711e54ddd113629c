"""Routes that every level has alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from nephele.domain.levels import Level
from nephele.rest.parameters import fails


def add_route(
    router: APIRouter,
    level: Level,
    path: str,
    endpoint: Callable[..., Response],
    summary: str,
    *,
    verb: str = "GET",
    errors: tuple[int, ...] = (404,),
    extra: dict[str, Any] | None = None,
) -> None:
    """Add `/{level}/{identifier}/<path>`; `{name}` in the summary is the level's."""
    full = f"/{level.collection}/{{identifier}}/{path}"
    router.add_api_route(
        full,
        endpoint,
        methods=[verb],
        summary=summary.format(name=level.value.lower()),
        name=f"{verb.lower()}{full.replace('/', '-')}",
        tags=[level.collection.capitalize()],
        response_model=None,
        responses=fails(*errors),
        openapi_extra=extra or {},
    )
