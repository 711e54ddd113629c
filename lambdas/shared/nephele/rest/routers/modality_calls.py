"""`/modalities/{id}/…` and `/tools/dicom-echo`: what the edge tells other archives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.errors import BadFileFormat
from nephele.rest.answers import json_answer
from nephele.rest.bodies import RawBody, SpooledBody
from nephele.rest.calls import call_of, json_body, json_object_body, text_of
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.job_arguments import answer_job, job_options
from nephele.rest.parameters import fails, takes_body
from nephele.rest.sent_resources import resource_ids, resources_object
from nephele.services import dimse_calls
from nephele.services.archive import Archive
from nephele.services.dimse_calls import Call
from nephele.services.jobs.submit import JobOptions
from nephele.services.modalities import require_modality
from nephele.settings.modality import read_modality

router = APIRouter(tags=["Networking"], route_class=DeferredRoute)

_WAITING = JobOptions(synchronous=True)
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
