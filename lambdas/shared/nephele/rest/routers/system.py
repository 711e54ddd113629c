"""`/system` and `/statistics`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nephele.rest.answers import json_answer
from nephele.rest.dependencies import OpenArchive
from nephele.services.system import statistics, system

router = APIRouter(tags=["System"])


@router.get("/system", summary="Get system information")
def get_system(archive: OpenArchive) -> Response:
    """Describe the server: versions, ports, options."""
    return json_answer(system(archive.configuration))


@router.get("/statistics", summary="Get database statistics")
def get_statistics(archive: OpenArchive) -> Response:
    """Count all resources and the bytes they take."""
    return json_answer(statistics(archive))
