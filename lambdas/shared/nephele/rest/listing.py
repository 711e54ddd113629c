"""Lists of resources: of a whole level, or of what lies beneath one; long ones go on as a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import Request
from starlette.responses import Response

from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.rest.arguments import arguments_of, flag, page, words
from nephele.rest.formats import resource_format, response_content
from nephele.rest.within_call import answer_within_call
from nephele.services.archive import Archive
from nephele.services.hierarchy import (
    descendants,
    list_level,
    require_resource,
    resources_in_order,
)
from nephele.services.resources_view import View, describe
from nephele.services.response_content import describe_content

LIST_ARGUMENTS = ("expand", "since", "limit", "response-content")


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is asked for.

    Attributes
    ----------
    level : str
        What is listed, by the name of its `Level`.
    arguments : mapping
        The query of the request.
    above, identifier : str
        The resource it lies beneath: its level and Orthanc id. Empty for all there is.
    """

    level: str
    arguments: Mapping[str, str]
    above: str = ""
    identifier: str = ""


def view_of(arguments: Mapping[str, str]) -> View:
    """Return how a request wants resources to be shown."""
    requested = arguments.get("requested-tags", arguments.get("requestedTags", ""))
    return View(resource_format(arguments), words(requested, ";"))


def answer_listing(
    request: Request, archive: Archive, level: Level, above: Level | None = None, parent: str = ""
) -> Response:
    """Answer a list; one that takes longer than a call may goes on as a job, never cut."""
    listing = Listing(level.value, arguments_of(request), above.value if above else "", parent)
    return answer_within_call(request, archive, list_resources, "List", asdict(listing))


def list_resources(archive: Archive, listing: Mapping[str, Any]) -> list[Any]:
    """Return ids, or resources where they are asked for, in ascending order of ids.

    Parameters
    ----------
    listing : mapping
        A `Listing`, as jobs keep it.
    """
    asked = Listing(**listing)
    if asked.above:
        return _list_beneath(archive, asked)
    level, arguments = Level(asked.level), asked.arguments
    since, limit = page(arguments, f"/{level.collection}/")
    is_expanded, content = flag(arguments, "expand"), response_content(arguments)
    ids = list_level(archive, level, since, limit)
    if content is not None:
        listed = resources_in_order(archive, ids)
        return describe_content(archive, listed, view_of(arguments), content)
    return _described(archive, ids, arguments) if is_expanded else list(ids)


def _list_beneath(archive: Archive, asked: Listing) -> list[Any]:
    is_expanded = flag(asked.arguments, "expand", default=True)
    resource = require_resource(archive, Level(asked.above), asked.identifier)
    ids = descendants(archive, resource, Level(asked.level))
    return _described(archive, ids, asked.arguments) if is_expanded else list(ids)


def _described(
    archive: Archive, ids: list[OrthancId], arguments: Mapping[str, str]
) -> list[dict[str, object]]:
    return describe(archive, resources_in_order(archive, ids), view_of(arguments))
