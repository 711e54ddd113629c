"""`/tools/find` and what else takes a search or a list of resources."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.rest.bodies import JsonObject
from nephele.rest.bulk import read_bulk
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.find_answers import answer_find
from nephele.rest.find_body import BULK_CONTENT_BODY, COUNT_BODY, FIND_BODY
from nephele.rest.parameters import fails, takes_body
from nephele.rest.within_call import answer_within_call

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
def post_bulk_content(request: Request, archive: OpenArchive, body: JsonObject) -> Response:
    """Describe resources of any level, or what is above or beneath them at one level."""
    return answer_within_call(request, archive, read_bulk, "Bulk", body)
