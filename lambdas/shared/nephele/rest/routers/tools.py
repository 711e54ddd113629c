"""`/tools/…`."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId, is_orthanc_id
from nephele.domain.uids import generate_uid
from nephele.errors import BadFileFormat
from nephele.rest.answers import empty_answer, forbidden, json_answer, nothing, text_answer
from nephele.rest.arguments import arguments_of
from nephele.rest.bodies import JsonObject, TextBody
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.job_arguments import answer_awaited
from nephele.rest.parameters import fails, takes, takes_body
from nephele.rest.reconstruct_options import answer_reconstruction, reconstruct_options
from nephele.rest.routes import served_routes
from nephele.services.conformance import conformance_statement
from nephele.services.delete import delete_all
from nephele.services.delete_job import delete_by_job, is_much
from nephele.services.figures import prometheus
from nephele.services.hierarchy import resources_in_order
from nephele.services.lookup import lookup

router = APIRouter(prefix="/tools", tags=["Tools"], route_class=DeferredRoute)

_TIME = "%Y%m%dT%H%M%S"
_LEVELS = {level.value.lower(): level for level in Level}


@router.get("", summary="List the tools")
def get_tools() -> Response:
    """List what is served below `/tools`, sorted."""
    prefix = f"{router.prefix}/"
    paths = {route.path for route in served_routes()}
    tools = {path.removeprefix(prefix) for path in paths if path.startswith(prefix)}
    return json_answer(sorted(tools))


@router.get("/now", summary="Get UTC time")
def get_now() -> Response:
    """Return UTC."""
    return text_answer(datetime.now(UTC).strftime(_TIME))


@router.get("/now-local", summary="Get local time")
def get_now_local() -> Response:
    """Return the time of the zone the process runs in."""
    return text_answer(datetime.now(UTC).astimezone().strftime(_TIME))


@router.get(
    "/generate-uid",
    summary="Generate an identifier",
    responses=fails(404),
    openapi_extra=takes("level"),
)
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


@router.get("/dicom-conformance", summary="Get DICOM conformance")
def get_dicom_conformance(archive: OpenArchive) -> Response:
    """Return the conformance statement of the edge under the options in force."""
    return text_answer(conformance_statement(archive))


@router.get("/metrics-prometheus", summary="Get usage metrics")
def get_metrics_prometheus(archive: OpenArchive) -> Response:
    """Return figures of the archive in Prometheus' text format."""
    headers = {"Content-Type": "text/plain; version=0.0.4"}
    return Response(prometheus(archive), headers=headers)


@router.post("/invalidate-tags", summary="Invalidate DICOM-as-JSON summaries")
def post_invalidate_tags() -> Response:
    """Do nothing: tags are always read from the stored headers, no summaries are kept."""
    return empty_answer()


@router.post(
    "/reconstruct",
    summary="Reconstruct all the index",
    responses=fails(400),
    openapi_extra=takes_body("application/json", "`ReconstructFiles`", {"type": "object"}),
)
def post_reconstruct(request: Request, archive: OpenArchive, body: TextBody) -> Response:
    """Reconstruct the main DICOM tags of everything, by a job that is listed.

    With `ReconstructFiles`, files are transcoded as `IngestTranscoding` now has it, and
    compressed or not as `StorageCompression` has it.
    """
    options = reconstruct_options(archive, body)
    return answer_reconstruction(request, archive, None, has_files=options.has_files)


@router.post(
    "/bulk-delete",
    summary="Delete a set of resources",
    responses=fails(400),
    openapi_extra=takes_body("application/json", "`Resources`: ids", {"type": "object"}),
)
def post_bulk_delete(request: Request, archive: OpenArchive, body: JsonObject) -> Response:
    """Delete resources of any levels; ids that no resource has are passed over."""
    identifiers = [_identifier(one) for one in _list(body.get("Resources"))]
    known = resources_in_order(archive, map(OrthancId, filter(is_orthanc_id, identifiers)))
    if is_much(known):
        job = delete_by_job(archive, list({one.orthanc_id: one for one in known}.values()))
        return empty_answer() if job.state.is_final else answer_awaited(request, archive, job)
    delete_all(archive, identifiers)
    return empty_answer()


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise BadFileFormat("List of strings expected in field: Resources")
    return value


def _identifier(value: object) -> str:
    """Return the id of an item, which may be an object that tells its level besides."""
    identifier = value.get("ID") if isinstance(value, dict) else value
    if not isinstance(identifier, str):
        raise BadFileFormat("List of strings expected in field: Resources")
    return identifier


@router.post("/execute-script", summary="Execute Lua script", responses=fails(403))
def post_execute_script() -> Response:
    """Refuse: there is no Lua, as in Orthanc by default."""
    return forbidden()


@router.post("/reset", summary="Restart Orthanc", responses=fails(403))
def post_reset() -> Response:
    """Refuse: there is no server to restart."""
    return forbidden()


@router.post("/shutdown", summary="Shutdown Orthanc", responses=fails(403))
def post_shutdown() -> Response:
    """Refuse: there is no server to shut down."""
    return forbidden()
