"""Every router of the API."""

from __future__ import annotations

from starlette.routing import Route

from nephele.rest.routers import (
    blobs,
    changes,
    dead_letters,
    images,
    resources,
    system,
    tools,
    uploads,
    versions,
)

ROUTERS = (
    system.router,
    tools.router,
    uploads.router,
    resources.router,
    images.router,
    changes.router,
    dead_letters.router,
    versions.router,
    blobs.router,
)


def served_routes() -> list[Route]:
    """Return every route of the API."""
    routes = (route for router in ROUTERS for route in router.routes)
    return [route for route in routes if isinstance(route, Route)]
