"""`/changes`."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.resources import ChangePage, ChangeType
from nephele.errors import BadParameterType, ParameterOutOfRange
from nephele.rest.answers import empty_answer, json_answer
from nephele.rest.arguments import arguments_of, unsigned, words
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails, takes
from nephele.services.changes import change_document, changes, clear_changes, last_change

router = APIRouter(tags=["Changes"], route_class=DeferredRoute)

_DEFAULT_LIMIT = 100
_LARGEST = (1 << 62) - 1
_NEGATIVE = 1 << 63
"""From here on, `unsigned` read a number below 0."""
_NEVER_LOGGED = frozenset(
    """
    AnonymizedPatient AnonymizedSeries AnonymizedStudy Deleted ModifiedPatient ModifiedSeries
    ModifiedStudy NewChildInstance
    """.split()
)
"""Types Orthanc knows by name and never logs."""


@router.get(
    "/changes",
    summary="List changes",
    responses=fails(400),
    openapi_extra=takes("since", "limit", "to", "type", "last"),
)
def get_changes(request: Request, archive: OpenArchive) -> Response:
    """Return the change log after `since` (up to `to`, at most `limit`, of `type`), or the `last`.

    A reader who goes on with `since` at the `Last` it was given misses nothing.
    """
    arguments = arguments_of(request)
    if "last" in arguments:
        return json_answer(_render(last_change(archive)))
    since, limit, to = _numbers(arguments)
    types = _types(arguments.get("type", "all"))
    page = changes(archive, since=since, limit=limit, to=to, types=types)
    return json_answer(_render(page))


@router.delete("/changes", summary="Clear changes")
def delete_changes(archive: OpenArchive) -> Response:
    """Empty the change log; the numbers go on where they were."""
    clear_changes(archive)
    return empty_answer()


def _numbers(arguments: Mapping[str, str]) -> tuple[int | None, int, int | None]:
    """Return since, limit and to; as in Orthanc one that cannot be read resets all three."""
    try:
        since = unsigned(arguments["since"]) if "since" in arguments else None
        limit = unsigned(arguments.get("limit", str(_DEFAULT_LIMIT)))
        to = unsigned(arguments.get("to", "-1"))
    except BadParameterType:
        return None, _DEFAULT_LIMIT, None
    return _bounded(since), min(limit, _LARGEST), None if to > _LARGEST else to


def _bounded(since: int | None) -> int | None:
    """Return a bound of the log; what was below 0 is the log's beginning, as in Orthanc."""
    if since is None:
        return None
    return min(since, _LARGEST) if since < _NEGATIVE else 0


def _types(text: str) -> frozenset[str]:
    """Return the types asked for; empty for all of them."""
    asked = frozenset(words(text, ";"))
    if asked <= {"all"}:
        return frozenset()
    unknown = asked - _NEVER_LOGGED - {kind.value for kind in ChangeType} - {"all"}
    if unknown:
        raise ParameterOutOfRange(f"Unknown change type: {min(unknown)}")
    return frozenset() if "all" in asked else asked


def _render(page: ChangePage) -> dict[str, object]:
    answer: dict[str, object] = {
        "Changes": [change_document(change) for change in page.changes],
        "Done": page.done,
        "Last": page.last,
    }
    if page.changes:
        answer["First"] = page.changes[0].sequence
    return answer
