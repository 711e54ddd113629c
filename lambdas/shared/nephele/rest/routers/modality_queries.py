"""`/modalities/{id}/…`: what the edge asks other archives for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.dicom_json import TagFormat
from nephele.domain.levels import Level
from nephele.domain.query_keys import (
    ACCESSION_NUMBER,
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    Query,
    parse_query,
)
from nephele.errors import BadFileFormat
from nephele.rest.bodies import RawBody
from nephele.rest.calls import call_of, json_object_body, level_of, text_of
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.fields import format_fields
from nephele.rest.job_arguments import answer_job, job_options
from nephele.rest.parameters import fails, takes_body
from nephele.services import dimse_queries
from nephele.services.archive import Archive
from nephele.services.jobs.submit import JobOptions
from nephele.services.modalities import require_modality

router = APIRouter(tags=["Networking"], route_class=DeferredRoute)

_WAITING = JobOptions(synchronous=True)
_LEAST_IDENTIFIER = 3
"""Orthanc's old finds want that many characters, so that they find few."""
_JSON = "application/json"


@router.post(
    "/modalities/{name}/query",
    summary="Trigger C-FIND SCU",
    responses=fails(400, 404),
    openapi_extra=takes_body(_JSON, "`Level`, `Query`, `Normalize`, `LocalAet`, `Timeout`"),
)
def post_query(request: Request, archive: OpenArchive, name: str, body: RawBody) -> Response:
    """Send a query, and keep its answers below `/queries`."""
    require_modality(archive, name)
    fields = json_object_body(body)
    call, level = call_of(archive, name, fields), level_of(fields)
    is_normalized = fields.get("Normalize", True)
    if not isinstance(is_normalized, bool):
        raise BadFileFormat("Boolean expected in field: Normalize")
    query = parse_query(fields.get("Query", {}))
    job = dimse_queries.submit_query(archive, call, level, query, is_normalized=is_normalized)
    return answer_job(request, archive, job, _WAITING)


@router.post(
    "/modalities/{name}/find-worklist",
    summary="C-FIND SCU for worklist",
    responses=fails(400, 404),
    openapi_extra=takes_body(_JSON, "`Query` and a format, or the query itself"),
)
def post_find_worklist(
    request: Request, archive: OpenArchive, name: str, body: RawBody
) -> Response:
    """Ask a modality for worklist items."""
    require_modality(archive, name)
    fields = json_object_body(body)
    has_fields = "Query" in fields
    query = parse_query(fields["Query"] if has_fields else fields, has_sequences=True)
    tag_format = format_fields(fields) if has_fields else TagFormat.HUMAN
    call = call_of(archive, name, fields if has_fields else {})
    job = dimse_queries.submit_worklist(archive, call, query, tag_format)
    return answer_job(request, archive, job, _WAITING)


@router.post(
    "/modalities/{name}/move",
    summary="Trigger C-MOVE SCU",
    responses=fails(400, 404),
    openapi_extra=takes_body(_JSON, "`Level`, `Resources`, `TargetAet`, `LocalAet`, `Timeout`"),
)
def post_move(request: Request, archive: OpenArchive, name: str, body: RawBody) -> Response:
    """Let a modality send resources to a target, by default to this archive."""
    require_modality(archive, name)
    fields = json_object_body(body)
    target = text_of(fields, "TargetAet", archive.configuration.dicom_aet)
    return _retrieve(request, archive, name, fields, target)


@router.post(
    "/modalities/{name}/get",
    summary="Trigger C-GET SCU",
    responses=fails(400, 404),
    openapi_extra=takes_body(_JSON, "`Level`, `Resources`, `LocalAet`, `Timeout`"),
)
def post_get(request: Request, archive: OpenArchive, name: str, body: RawBody) -> Response:
    """Retrieve resources of a modality over the association that asks for them."""
    require_modality(archive, name)
    return _retrieve(request, archive, name, json_object_body(body), None)


def _retrieve(
    request: Request, archive: Archive, name: str, fields: dict[str, Any], target: str | None
) -> Response:
    level, resources = level_of(fields), fields.get("Resources")
    if not isinstance(resources, list):
        raise BadFileFormat("The JSON body must contain field Resources, an array")
    options = job_options(fields)
    job = dimse_queries.submit_retrieve(
        archive,
        call_of(archive, name, fields),
        level,
        [parse_query(resource) for resource in resources],
        options,
        target_aet=target,
        sop_classes=_sop_classes(resources),
    )
    return answer_job(request, archive, job, options)


def _sop_classes(resources: list[dict[str, Any]]) -> list[str]:
    """Return what a client knows of the classes that will come."""
    listed = (str(resource.get("SOPClassesInStudy", "")).split("\\") for resource in resources)
    return sorted({uid for uids in listed for uid in uids if uid})


@router.post(
    "/modalities/{name}/find",
    summary="Hierarchical C-FIND SCU",
    responses=fails(400, 404),
    deprecated=True,
)
def post_find(request: Request, archive: OpenArchive, name: str, body: RawBody) -> Response:
    """Ask for patients, their studies and their series: replaced by `/query`."""
    call, query = call_of(archive, name, {}), parse_query(_tags_of(body))
    job = dimse_queries.submit_tree(archive, call, query)
    return answer_job(request, archive, job, _WAITING)


def _tags_of(body: bytes) -> dict[str, Any]:
    return json_object_body(body, default={})


def _add_find(level: Level, needed: tuple[str, ...]) -> None:
    def post_find_level(
        request: Request, archive: OpenArchive, name: str, body: RawBody
    ) -> Response:
        call, query = call_of(archive, name, {}), parse_query(_tags_of(body))
        if not _is_narrow(query, needed):
            return Response(status_code=400)
        job = dimse_queries.submit_find(archive, call, level, query)
        return answer_job(request, archive, job, _WAITING)

    router.add_api_route(
        f"/modalities/{{name}}/find-{level.value.lower()}",
        post_find_level,
        methods=["POST"],
        summary=f"C-FIND SCU at the level of the {level.value.lower()}",
        name=f"post_find_{level.value.lower()}",
        response_model=None,
        responses=fails(400, 404),
        deprecated=True,
    )


def _is_narrow(query: Query, needed: tuple[str, ...]) -> bool:
    """Tell whether a query names enough for Orthanc to send it."""
    if not needed:
        return True
    identifiers = (str(query.get(tag, "")) for tag in (ACCESSION_NUMBER, PATIENT_ID))
    is_identified = any(len(value) >= _LEAST_IDENTIFIER for value in identifiers)
    rest = (str(query.get(tag, "")) for tag in needed[1:])
    return is_identified and all(len(value) >= _LEAST_IDENTIFIER for value in rest)


_add_find(Level.PATIENT, ())
_add_find(Level.STUDY, (PATIENT_ID,))
_add_find(Level.SERIES, (PATIENT_ID, STUDY_INSTANCE_UID))
_add_find(Level.INSTANCE, (PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID))
