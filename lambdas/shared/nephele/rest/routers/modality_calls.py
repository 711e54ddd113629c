"""`/modalities/{id}/…` and `/tools/dicom-echo`: what the edge asks other archives for."""

from __future__ import annotations

from collections.abc import Mapping
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
from nephele.rest.answers import json_answer
from nephele.rest.bodies import RawBody, SpooledBody
from nephele.rest.calls import call_of, json_body, json_object_body, level_of, text_of
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.fields import format_fields
from nephele.rest.job_arguments import answer_job, job_options
from nephele.rest.parameters import fails, takes_body
from nephele.rest.sent_resources import resource_ids, resources_object
from nephele.services import dimse_calls, dimse_queries
from nephele.services.archive import Archive
from nephele.services.dimse_calls import Call
from nephele.services.jobs.submit import JobOptions
from nephele.services.modalities import require_modality
from nephele.settings.modality import read_modality

router = APIRouter(tags=["Networking"], route_class=DeferredRoute)

_WAITING = JobOptions(synchronous=True)
_LEAST_IDENTIFIER = 3
"""Orthanc's old finds want that many characters, so that they find few."""
_JSON = "application/json"


@router.post(
    "/tools/dicom-echo",
    summary="Trigger C-ECHO SCU",
    responses=fails(400),
    openapi_extra=takes_body(_JSON, "A modality in either form, with `Timeout` and `CheckFind`"),
)
def post_dicom_echo(request: Request, archive: OpenArchive, body: RawBody) -> Response:
    """Ask a modality that is not registered whether it is there."""
    value = json_body(body)
    fields = value if isinstance(value, dict) else {}
    call = call_of(archive, "", _without(fields, "LocalAet"), modality=read_modality(value))
    return _echo(request, archive, call, fields)


@router.post("/modalities/{name}/echo", summary="Trigger C-ECHO SCU", responses=fails(400, 404))
def post_echo(request: Request, archive: OpenArchive, name: str, body: RawBody) -> Response:
    """Ask a modality whether it is there."""
    require_modality(archive, name)
    fields = _lenient_object(body)
    return _echo(request, archive, call_of(archive, name, fields), fields)


def _echo(request: Request, archive: Archive, call: Call, fields: Mapping[str, Any]) -> Response:
    job = dimse_calls.submit_echo(archive, call, check_find=_check_find(fields))
    answer = answer_job(request, archive, job, _WAITING)
    return answer if answer.body else json_answer({})


def _without(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def _check_find(body: Mapping[str, Any]) -> bool | None:
    value = body.get("CheckFind")
    if value is not None and not isinstance(value, bool):
        raise BadFileFormat("Boolean expected in field: CheckFind")
    return value


def _lenient_object(body: bytes) -> dict[str, Any]:
    """Return a body that may be empty, or anything that is no object: Orthanc ignores it."""
    try:
        value = json_body(body, default={})
    except BadFileFormat:
        return {}
    return value if isinstance(value, dict) else {}


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
    "/modalities/{name}/store",
    summary="Trigger C-STORE SCU",
    responses=fails(400, 404),
    openapi_extra=takes_body(_JSON, "An id, an array of ids, or an object with `Resources`"),
)
def post_store(request: Request, archive: OpenArchive, name: str, body: RawBody) -> Response:
    """Send resources to a modality."""
    modality = require_modality(archive, name)
    fields = resources_object(body)
    override = {
        alias: fields[name]
        for name, alias in (("CalledAet", "AET"), ("Host", "Host"), ("Port", "Port"))
        if name in fields
    }
    if override:
        modality = read_modality(modality.model_dump(by_alias=True) | override)
    options = job_options(fields)
    job = dimse_calls.submit_store(
        archive,
        call_of(archive, name, fields, modality=modality),
        resource_ids(fields.get("Resources")),
        options,
        originator=_originator(fields),
        has_commitment=fields.get("StorageCommitment") is True,
    )
    return answer_job(request, archive, job, options)


def _originator(fields: Mapping[str, Any]) -> tuple[str, int] | None:
    aet, number = text_of(fields, "MoveOriginatorAet"), fields.get("MoveOriginatorID", 0)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= 0xFFFF:
        raise BadFileFormat("A number of 16 bits expected in field: MoveOriginatorID")
    return (aet, number) if aet else None


@router.post(
    "/modalities/{name}/store-straight",
    summary="Straight C-STORE SCU",
    responses=fails(400, 404),
    openapi_extra=takes_body("application/dicom", "The DICOM file"),
)
def post_store_straight(
    request: Request, archive: OpenArchive, name: str, body: SpooledBody
) -> Response:
    """Send a file to a modality without keeping it, and without transcoding."""
    call = call_of(archive, name, {})
    job = dimse_calls.submit_straight(archive, call, body)
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
    "/modalities/{name}/storage-commitment",
    summary="Trigger storage commitment request",
    responses=fails(400, 404),
    openapi_extra=takes_body(_JSON, "`Resources`, `DicomInstances`, `Timeout`"),
)
def post_storage_commitment(
    request: Request, archive: OpenArchive, name: str, body: RawBody
) -> Response:
    """Ask a modality whether it has instances for good; its report comes later."""
    require_modality(archive, name)
    fields = json_object_body(body)
    if "Resources" not in fields and "DicomInstances" not in fields:
        raise BadFileFormat("The JSON body must contain field Resources or DicomInstances")
    pairs = [_pair(value) for value in _list(fields.get("DicomInstances", []))]
    call = call_of(archive, name, fields)
    identifiers = resource_ids(fields.get("Resources", []))
    job = dimse_calls.submit_commitment(archive, call, identifiers, pairs)
    return answer_job(request, archive, job, _WAITING)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise BadFileFormat("Array expected in field: DicomInstances")
    return value


def _pair(value: object) -> tuple[str, str]:
    """Return class and instance UID of either form."""
    if isinstance(value, dict):
        value = [value.get("SOPClassUID"), value.get("SOPInstanceUID")]
    if isinstance(value, list) and len(value) == 2:
        sop_class_uid, sop_instance_uid = value
        if isinstance(sop_class_uid, str) and isinstance(sop_instance_uid, str):
            return sop_class_uid, sop_instance_uid
    raise BadFileFormat("An instance has a SOPClassUID and a SOPInstanceUID")


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
