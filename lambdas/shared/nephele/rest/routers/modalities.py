"""`/modalities`: the archives that are known, and what they can be asked for."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.rest.answers import empty_answer, json_answer, nothing
from nephele.rest.arguments import arguments_of, flag
from nephele.rest.bodies import RawBody
from nephele.rest.calls import json_body
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails, takes, takes_body
from nephele.services import modalities

router = APIRouter(prefix="/modalities", tags=["Networking"], route_class=DeferredRoute)

_OPERATIONS = (
    "configuration",
    "echo",
    "find",
    "find-instance",
    "find-patient",
    "find-series",
    "find-study",
    "find-worklist",
    "get",
    "move",
    "query",
    "storage-commitment",
    "store",
    "store-straight",
)


@router.get(
    "", summary="List DICOM modalities", responses=fails(400), openapi_extra=takes("expand")
)
def get_modalities(request: Request, archive: OpenArchive) -> Response:
    """List the symbolic names of the modalities, or show all of their configurations."""
    known = modalities.current_modalities(archive)
    if flag(arguments_of(request), "expand"):
        shown = {name: modalities.configuration_of(known[name]) for name in known}
        return json_answer(shown)
    return json_answer(sorted(known))


@router.get("/{name}", summary="List operations on modality", responses=fails(404))
def get_modality(archive: OpenArchive, name: str) -> Response:
    """List what can be done with a modality."""
    if name not in modalities.current_modalities(archive):
        return nothing()
    return json_answer(_OPERATIONS)


@router.put(
    "/{name}",
    summary="Update DICOM modality",
    responses=fails(400),
    openapi_extra=takes_body(
        "application/json", "`[AET, host, port, manufacturer]`, or an object of Orthanc's options"
    ),
)
def put_modality(archive: OpenArchive, name: str, body: RawBody) -> Response:
    """Add a modality, or replace it; it wins over the configuration file from now on."""
    modalities.define_modality(archive, name, json_body(body))
    return empty_answer()


@router.delete("/{name}", summary="Delete DICOM modality", responses=fails(404))
def delete_modality(archive: OpenArchive, name: str) -> Response:
    """Remove a modality, for good also where it comes from the configuration file."""
    modalities.forget_modality(archive, name)
    return empty_answer()


@router.get("/{name}/configuration", summary="Get modality configuration", responses=fails(404))
def get_configuration(archive: OpenArchive, name: str) -> Response:
    """Show all options of a modality."""
    modality = modalities.require_modality(archive, name)
    return json_answer(modalities.configuration_of(modality))
