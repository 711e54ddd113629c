"""`/peers`: other Orthancs that instances are sent to."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.jobs import Job
from nephele.errors import BadFileFormat
from nephele.rest.answers import empty_answer, json_answer, nothing
from nephele.rest.arguments import arguments_of, flag
from nephele.rest.bodies import RawBody, SpooledBody
from nephele.rest.calls import json_body
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.job_arguments import answer_job, job_options
from nephele.rest.parameters import fails, takes, takes_body
from nephele.rest.sent_resources import resource_ids, resources_object
from nephele.services.archive import Archive
from nephele.services.jobs.submit import JobOptions
from nephele.services.peers import known
from nephele.services.peers.calls import ask_system, store_straight, submit_peer_store

router = APIRouter(prefix="/peers", tags=["Networking"], route_class=DeferredRoute)

_OPERATIONS = ("configuration", "store", "store-straight", "system")
_WAITING = JobOptions(synchronous=True)
_JSON = "application/json"


@router.get("", summary="List Orthanc peers", responses=fails(400), openapi_extra=takes("expand"))
def get_peers(request: Request, archive: OpenArchive) -> Response:
    """List the symbolic names of the peers, or show all of their configurations."""
    peers = known.peers(archive)
    if flag(arguments_of(request), "expand"):
        return json_answer({name: known.configuration_of(peer) for name, peer in peers.items()})
    return json_answer(sorted(peers))


@router.get("/{name}", summary="List operations on peer", responses=fails(404))
def get_peer(archive: OpenArchive, name: str) -> Response:
    """List what can be done with a peer."""
    return json_answer(_OPERATIONS) if name in known.peers(archive) else nothing()


@router.put(
    "/{name}",
    summary="Update Orthanc peer",
    responses=fails(400, 404),
    openapi_extra=takes_body(
        _JSON, "`[url]`, `[url, user, password]`, or an object of Orthanc's options"
    ),
)
def put_peer(archive: OpenArchive, name: str, body: RawBody) -> Response:
    """Add a peer, or replace it; it wins over the configuration file from now on."""
    try:
        value = json_body(body)
    except BadFileFormat:
        return nothing()
    known.define_peer(archive, name, value)
    return empty_answer()


@router.delete("/{name}", summary="Delete Orthanc peer", responses=fails(404))
def delete_peer(archive: OpenArchive, name: str) -> Response:
    """Remove a peer, for good also where it comes from the configuration file."""
    known.forget_peer(archive, name)
    return empty_answer()


@router.get("/{name}/configuration", summary="Get peer configuration", responses=fails(404))
def get_configuration(archive: OpenArchive, name: str) -> Response:
    """Show all options of a peer but passwords and values of headers."""
    return json_answer(known.configuration_of(known.require_peer(archive, name)))


@router.get("/{name}/system", summary="Get peer system information", responses=fails(404))
def get_system(request: Request, archive: OpenArchive, name: str) -> Response:
    """Relay the peer's own `/system`."""
    return _relay(request, archive, ask_system(archive, name))


@router.post(
    "/{name}/store-straight",
    summary="Straight store to peer",
    responses=fails(404),
    openapi_extra=takes_body("application/dicom", "The DICOM file"),
)
def post_store_straight(
    request: Request, archive: OpenArchive, name: str, body: SpooledBody
) -> Response:
    """Send a file to a peer without keeping it, and relay the peer's answer."""
    return _relay(request, archive, store_straight(archive, name, body))


def _relay(request: Request, archive: Archive, found: dict[str, Any] | Job) -> Response:
    if isinstance(found, Job):
        return answer_job(request, archive, found, _WAITING)
    return json_answer(found)


@router.post(
    "/{name}/store",
    summary="Send to Orthanc peer",
    responses=fails(400, 404),
    openapi_extra=takes_body(_JSON, "An id, an array of ids, or an object with `Resources`"),
)
def post_store(request: Request, archive: OpenArchive, name: str, body: RawBody) -> Response:
    """Send resources to a peer: `Transcode`, `LossyQuality` and `Compress` say how."""
    fields = resources_object(body)
    options = job_options(fields)
    job = submit_peer_store(
        archive,
        name,
        resource_ids(fields.get("Resources")),
        options,
        transcode=_text(fields, "Transcode"),
        lossy_quality=_quality(fields),
        is_compressed=_flag(fields, "Compress"),
    )
    return answer_job(request, archive, job, options)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise BadFileFormat(f"String expected in field: {name}")
    return value


def _flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise BadFileFormat(f"Boolean expected in field: {name}")
    return value


def _quality(fields: dict[str, Any]) -> int | None:
    value = fields.get("LossyQuality")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 100:
        raise BadFileFormat("A number between 1 and 100 expected in field: LossyQuality")
    return value
