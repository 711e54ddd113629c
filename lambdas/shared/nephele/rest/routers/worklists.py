"""`/worklists`: modality worklists, as Orthanc's plugin of that name keeps them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.aws.index.worklists import WorklistRow
from nephele.errors import BadRequest
from nephele.rest.answers import json_answer
from nephele.rest.arguments import arguments_of
from nephele.rest.bodies import RawBody, json_object_of
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails, takes, takes_body
from nephele.services.archive import Archive
from nephele.services.worklists import (
    Tags,
    delete_worklist,
    named_tags,
    put_worklist,
    require_worklist,
    tags_of_file,
    tags_of_json,
    worklists,
)

router = APIRouter(prefix="/worklists", tags=["Worklists"], route_class=DeferredRoute)

_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
_BODY = {
    "type": "object",
    "required": ["Tags"],
    "properties": {
        "Tags": {
            "type": "object",
            "description": "Values by keyword or number: texts, or arrays of objects",
        }
    },
}


@router.get("", summary="List worklists", openapi_extra=takes("expand"))
def get_worklists(request: Request, archive: OpenArchive) -> Response:
    """List identifiers, ascending; with `expand`, the worklists themselves."""
    found = worklists(archive)
    if "expand" in arguments_of(request):
        return json_answer([_render(one) for one in found])
    return json_answer([one.identifier for one in found])


@router.post(
    "/create",
    summary="Create a worklist",
    responses=fails(400),
    openapi_extra=takes_body("application/json", "Tags, or a DICOM file as it is", _BODY),
)
def post_worklist(archive: OpenArchive, body: RawBody) -> Response:
    """Keep a worklist under a new identifier."""
    return _answer(put_worklist(archive, _tags(archive, body)))


@router.get("/{identifier}", summary="Get a worklist", responses=fails(404))
def get_worklist(archive: OpenArchive, identifier: str) -> Response:
    """Return a worklist's tags, and when it was made."""
    return json_answer(_render(require_worklist(archive, identifier)))


@router.put(
    "/{identifier}",
    summary="Create or replace a worklist",
    responses=fails(400),
    openapi_extra=takes_body("application/json", "Tags, or a DICOM file as it is", _BODY),
)
def put_worklist_of(archive: OpenArchive, identifier: str, body: RawBody) -> Response:
    """Keep a worklist under an identifier of the client's."""
    return _answer(put_worklist(archive, _tags(archive, body), identifier))


@router.delete("/{identifier}", summary="Delete a worklist", responses=fails(404))
def delete_worklist_of(archive: OpenArchive, identifier: str) -> Response:
    """Remove a worklist."""
    delete_worklist(archive, identifier)
    return json_answer({})


def _tags(archive: Archive, body: bytes) -> Tags:
    if body[_PREAMBLE_BYTES : _PREAMBLE_BYTES + len(_MAGIC)] == _MAGIC:
        return tags_of_file(archive, body)
    tags = json_object_of(body).get("Tags")
    if not isinstance(tags, dict):
        raise BadRequest('Field "Tags" is missing, or should be an object')
    return tags_of_json(tags)


def _answer(identifier: str) -> Response:
    return json_answer({"ID": identifier, "Path": f"/worklists/{identifier}"})


def _render(worklist: WorklistRow) -> dict[str, object]:
    return {
        "CreationDate": worklist.created,
        "ID": worklist.identifier,
        "Path": f"/worklists/{worklist.identifier}",
        "Tags": named_tags(worklist.tags),
    }
