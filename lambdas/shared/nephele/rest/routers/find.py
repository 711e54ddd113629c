"""`/tools/find` and what else takes a search or a list of resources."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.rest.answers import json_answer
from nephele.rest.bodies import JsonObject
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.fields import flag_field, format_fields, resources_field
from nephele.rest.find_answers import answer_find
from nephele.rest.find_body import BULK_CONTENT_BODY, COUNT_BODY, FIND_BODY, parse_level
from nephele.rest.parameters import fails, takes_body
from nephele.services.bulk_content import bulk_content
from nephele.services.resources_view import View

router = APIRouter(prefix="/tools", tags=["Tools"], route_class=DeferredRoute)


@router.post(
    "/find",
    summary="Search for resources",
    responses=fails(400),
    openapi_extra=takes_body("application/json", "What is searched for", FIND_BODY),
)
def post_find(request: Request, archive: OpenArchive, body: JsonObject) -> Response:
    """Find the resources of a level whose tags have the values of a query."""
    return answer_find(request, archive, body, is_count=False)


@router.post(
    "/count-resources",
    summary="Count resources",
    responses=fails(400),
    openapi_extra=takes_body("application/json", "What is counted", COUNT_BODY),
)
def post_count_resources(request: Request, archive: OpenArchive, body: JsonObject) -> Response:
    """Count the resources of a level whose main tags have the values of a query."""
    return answer_find(request, archive, body, is_count=True)


@router.post(
    "/bulk-content",
    summary="Describe a set of resources",
    responses=fails(400),
    openapi_extra=takes_body("application/json", "Which resources, and how", BULK_CONTENT_BODY),
)
def post_bulk_content(archive: OpenArchive, body: JsonObject) -> Response:
    """Describe resources of any level, or what is above or beneath them at one level."""
    level = parse_level(body) if "Level" in body else None
    identifiers = resources_field(body)
    has_metadata = flag_field(body, "Metadata", default=True)
    view = View(format_fields(body))
    return json_answer(bulk_content(archive, identifiers, level, view, has_metadata=has_metadata))
