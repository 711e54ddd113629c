"""`/exports`."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.errors import BadParameterType
from nephele.rest.answers import empty_answer, json_answer
from nephele.rest.arguments import arguments_of, unsigned
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import takes
from nephele.services.exports import clear_exports, exports, last_export

router = APIRouter(prefix="/exports", tags=["Exports"], route_class=DeferredRoute)

_DEFAULT_LIMIT = 100
_LARGEST = (1 << 62) - 1


@router.get("", summary="List exports", openapi_extra=takes("since", "limit", "last"))
def get_exports(request: Request, archive: OpenArchive) -> Response:
    """Return what was sent to modalities and peers, if `LogExportedResources` is on."""
    arguments = arguments_of(request)
    if "last" in arguments:
        page = last_export(archive)
    else:
        since, limit = _numbers(arguments)
        page = exports(archive, since=since, limit=limit)
    return json_answer({"Done": page.done, "Exports": page.exports, "Last": page.last})


def _numbers(arguments: Mapping[str, str]) -> tuple[int, int]:
    """Return since and limit; one that cannot be read resets both, as in Orthanc."""
    try:
        since = unsigned(arguments.get("since", "0"))
        limit = unsigned(arguments.get("limit", str(_DEFAULT_LIMIT)))
    except BadParameterType:
        return 0, _DEFAULT_LIMIT
    return (since if since <= _LARGEST else 0), min(limit, _LARGEST)


@router.delete("", summary="Clear exports")
def delete_exports(archive: OpenArchive) -> Response:
    """Empty the log; the numbers go on where they were."""
    clear_exports(archive)
    return empty_answer()
