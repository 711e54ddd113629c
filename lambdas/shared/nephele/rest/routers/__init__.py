"""One router per resource: parse, call one service, render."""

from __future__ import annotations

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
