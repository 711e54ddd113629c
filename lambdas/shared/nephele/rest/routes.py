"""Every router of the API, and the first segments of its paths."""

from __future__ import annotations

from starlette.types import Scope

from nephele.domain.levels import Level
from nephele.rest.deferred import DeferredRoute, Section

_COLLECTIONS = tuple(level.collection for level in Level)

SECTIONS = (
    Section("system", "system", "statistics", "plugins"),
    Section("tools", "tools"),
    Section("find", "tools"),
    Section("options", "tools"),
    Section("resources", *_COLLECTIONS),
    Section("images", "instances"),
    Section("rendered", "instances", "app"),
    Section("arrays", "instances", "series"),
    Section("metadata", *_COLLECTIONS),
    Section("labels", "tools", *_COLLECTIONS),
    Section("attachments", *_COLLECTIONS),
    Section("protection", "patients"),
    Section("tags", *_COLLECTIONS),
    Section("content", "instances"),
    Section("uploads", "instances", "uploads"),
    Section("changes", "changes"),
    Section("jobs", "jobs"),
    Section("peers", "peers"),
    Section("modalities", "modalities"),
    Section("modality_calls", "modalities", "tools"),
    Section("modality_queries", "modalities"),
    Section("queries", "queries"),
    Section("storage_commitment", "storage-commitment"),
    Section("exports", "exports"),
    Section("worklists", "worklists"),
    Section("dead_letters", "dead-letters"),
    Section("versions", "versions-aside"),
    Section("refusals", "refused-associations"),
    Section("deleted", "deleted"),
    Section("blobs", "blobs"),
    Section("archives", "patients", "studies", "series", "tools"),
)
"""One row for each module of `nephele.rest.routers`, what is asked for most before others."""


def served_routes() -> list[DeferredRoute]:
    """Return every route of the API."""
    return [route for section in SECTIONS for route in section.routes]


def analyse_all() -> None:
    """Import and analyse every route now, so that no request has to."""
    for route in served_routes():
        route.analyse()


def routes_near(scope: Scope) -> list[DeferredRoute]:
    """Return the routes that begin as the path of a request does."""
    sections = (section for section in SECTIONS if section.serves(scope))
    return [route for section in sections for route in section.routes]
