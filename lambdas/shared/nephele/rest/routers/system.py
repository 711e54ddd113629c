"""`/system`, `/statistics` and `/plugins`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nephele.rest.answers import json_answer, nothing
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails
from nephele.services.system import statistics, system

router = APIRouter(tags=["System"], route_class=DeferredRoute)

_EXPLORER_SCRIPT = "explorer.js"


@router.get("/system", summary="Get system information")
def get_system(archive: OpenArchive) -> Response:
    """Describe the server: versions, ports, options."""
    return json_answer(system(archive.configuration))


@router.get("/statistics", summary="Get database statistics")
def get_statistics(archive: OpenArchive) -> Response:
    """Count all resources and the bytes they take."""
    return json_answer(statistics(archive))


@router.get("/plugins", summary="List plugins")
def get_plugins() -> Response:
    """List what Orthanc's plugins would add: there are none, but for the page's own script."""
    return json_answer([_EXPLORER_SCRIPT])


@router.get("/plugins/explorer.js", summary="JavaScript extensions to Orthanc Explorer")
def get_explorer_script() -> Response:
    """Return the script of the plugins' extensions, of which there are none."""
    headers = {"Content-Type": "application/javascript"}
    return Response(b"// Nephele has no plugins that extend the page\n", headers=headers)


@router.get("/plugins/{identifier}", summary="Get plugin", responses=fails(404))
def get_plugin(identifier: str) -> Response:
    """Answer that there is no such plugin."""
    return nothing()
