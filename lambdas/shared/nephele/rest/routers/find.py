"""`/tools/find` and what else takes a search or a list of resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from nephele.domain.find_query import FindQuery, Source
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import BadRequest, ParameterOutOfRange
from nephele.rest.answers import json_answer
from nephele.rest.bodies import JsonObject
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.fields import Body, flag_field, format_fields, resources_field, texts_field
from nephele.rest.find_body import (
    BULK_CONTENT_BODY,
    COUNT_BODY,
    FIND_BODY,
    is_case_sensitive,
    parse_find,
    parse_level,
)
from nephele.rest.parameters import fails, takes_body
from nephele.services.archive import Archive
from nephele.services.bulk_content import bulk_content
from nephele.services.find import find, metered
from nephele.services.hierarchy import resources_in_order
from nephele.services.resources_view import View, describe
from nephele.services.response_content import Content, describe_content

router = APIRouter(prefix="/tools", tags=["Tools"], route_class=DeferredRoute)

_NORMALIZED = frozenset(
    {
        *("0010,0020", "0010,0010", "0010,0030", "0020,000d", "0008,0050", "0008,1030"),
        *("0008,0020", "0020,000e", "0008,0018"),
    }
)
"""Orthanc's identifier tags, which its database compares without case."""


@router.post(
    "/find",
    summary="Search for resources",
    responses=fails(400),
    openapi_extra=takes_body("application/json", "What is searched for", FIND_BODY),
)
def post_find(archive: OpenArchive, body: JsonObject) -> Response:
    """Find the resources of a level whose tags have the values of a query."""
    query = _with_limits(archive, parse_find(body, is_case_sensitive=is_case_sensitive(body)))
    _require_countable(query, body)
    view = View(format_fields(body), texts_field(body, "RequestedTags"))
    content = _content(body)
    is_expanded, is_explained = flag_field(body, "Expand"), flag_field(body, "Explain")
    with metered(archive) as (counted, meter):
        found = find(counted, query)
        answers: Sequence[object] = found.ids
        if content is not None or is_expanded:
            answers = _expand(counted, found.ids, view, content)
    if not is_explained:
        return json_answer(answers)
    explained = {
        "Index": found.index,
        "ItemsRead": meter.items,
        "ReadUnits": meter.units,
        "Budget": {"ReadUnits": meter.most_units, "Seconds": meter.most_seconds},
    }
    return json_answer({"Answers": answers, "Explain": explained})


def _expand(
    archive: Archive, ids: Sequence[OrthancId], view: View, content: frozenset[Content] | None
) -> list[dict[str, object]]:
    resources = resources_in_order(archive, ids)
    if content is None:
        return describe(archive, resources, view)
    return describe_content(archive, resources, view, content)


def _with_limits(archive: Archive, query: FindQuery) -> FindQuery:
    """Apply `LimitFindInstances` or `LimitFindResults`: a search without a limit has that one."""
    configuration = archive.configuration
    is_instance = query.level is Level.INSTANCE
    most = configuration.limit_find_instances if is_instance else configuration.limit_find_results
    return replace(query, limit=min(query.limit or most, most)) if most else query


def _require_countable(query: FindQuery, body: Body) -> None:
    """Refuse `Since` where Orthanc's database could not decide what is left out."""
    is_folded = is_case_sensitive(body) and any(one.tag in _NORMALIZED for one in query.constraints)
    if query.since and (is_folded or query.constraints_of(Source.HEADER)):
        raise BadRequest('Field "Since" needs a query on main DICOM tags that ignores case')


def _content(body: Body) -> frozenset[Content] | None:
    if "ResponseContent" not in body:
        return None
    names = texts_field(body, "ResponseContent")
    try:
        return frozenset(Content(name) for name in names if name not in ("ID", "Type"))
    except ValueError:
        raise ParameterOutOfRange('Field "ResponseContent" has a name there is not') from None


@router.post(
    "/count-resources",
    summary="Count resources",
    responses=fails(400),
    openapi_extra=takes_body("application/json", "What is counted", COUNT_BODY),
)
def post_count_resources(archive: OpenArchive, body: JsonObject) -> Response:
    """Count the resources of a level whose main tags have the values of a query."""
    if is_case_sensitive(body):
        raise ParameterOutOfRange('Field "CaseSensitive" cannot be true when counting')
    query = replace(parse_find(body, is_case_sensitive=False), since=0, limit=0, order=())
    if query.constraints_of(Source.HEADER):
        raise BadRequest("Only main DICOM tags can be counted by")
    with metered(archive) as (counted, _):
        return json_answer({"Count": len(find(counted, query).ids)})


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
