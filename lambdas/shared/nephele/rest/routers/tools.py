"""`/tools/…`."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.levels import Level
from nephele.domain.uids import generate_uid
from nephele.rest.answers import json_answer, nothing, text_answer
from nephele.rest.arguments import arguments_of
from nephele.rest.bodies import TextBody
from nephele.rest.dependencies import OpenArchive
from nephele.services.lookup import lookup

router = APIRouter(prefix="/tools", tags=["Tools"])

_TIME = "%Y%m%dT%H%M%S"
_LEVELS = {level.value.lower(): level for level in Level}


@router.get("", summary="List the tools")
def get_tools() -> Response:
    """List what is served below `/tools`, sorted."""
    prefix = f"{router.prefix}/"
    paths = {str(getattr(route, "path", "")) for route in router.routes}
    return json_answer(sorted(path.removeprefix(prefix) for path in paths if prefix in path))


@router.get("/now", summary="Get UTC time")
def get_now() -> Response:
    """Return UTC."""
    return text_answer(datetime.now(UTC).strftime(_TIME))


@router.get("/now-local", summary="Get local time")
def get_now_local() -> Response:
    """Return the time of the zone the process runs in."""
    return text_answer(datetime.now(UTC).astimezone().strftime(_TIME))


@router.get("/generate-uid", summary="Generate an identifier")
def get_generate_uid(request: Request) -> Response:
    """Make a new identifier for `?level=patient|study|series|instance`."""
    level = _LEVELS.get(arguments_of(request).get("level", ""))
    return nothing() if level is None else text_answer(generate_uid(level))


@router.post("/lookup", summary="Look for DICOM identifiers")
def post_lookup(archive: OpenArchive, body: TextBody) -> Response:
    """Find the resources that a PatientID or a study, series or SOP instance UID names."""
    found = lookup(archive, body)
    return json_answer(
        [
            {
                "ID": resource.orthanc_id,
                "Path": f"/{resource.level.collection}/{resource.orthanc_id}",
                "Type": resource.level.value,
            }
            for resource in found
        ]
    )
