"""The bytes of single elements of an instance, and the document it encapsulates."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nephele.domain.levels import Level
from nephele.rest.answers import forbidden, json_answer, nothing
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails
from nephele.services.archive import Archive
from nephele.services.content import content, encapsulated_pdf
from nephele.services.hierarchy import require_resource

router = APIRouter(prefix="/instances/{identifier}", tags=["Instances"], route_class=DeferredRoute)

_BYTES = "application/octet-stream"


@router.get("/content", summary="List the tags", responses=fails(404))
def get_content(archive: OpenArchive, identifier: str) -> Response:
    """List the tags of an instance, `gggg-eeee`, those behind the pixel data included."""
    return _content(archive, identifier, "")


@router.get("/content/{path:path}", summary="Get raw tag", responses=fails(400, 404, 413))
def get_content_at(archive: OpenArchive, identifier: str, path: str) -> Response:
    """Go down a path of tags and indexes, in turns: lists on the way, bytes at its end."""
    return _content(archive, identifier, path)


def _content(archive: Archive, identifier: str, path: str) -> Response:
    instance = require_resource(archive, Level.INSTANCE, identifier)
    found = content(archive, instance, path.split("/") if path else ())
    if found is None:
        return nothing()
    if isinstance(found, bytes):
        return Response(found, headers={"Content-Type": _BYTES})
    return json_answer(found)


@router.get("/pdf", summary="Get embedded PDF", responses=fails(404))
def get_pdf(archive: OpenArchive, identifier: str) -> Response:
    """Return the document of an Encapsulated PDF; an empty 404 for any other instance."""
    document = encapsulated_pdf(archive, require_resource(archive, Level.INSTANCE, identifier))
    if document is None:
        return nothing()
    return Response(document, headers={"Content-Type": "application/pdf"})


@router.post("/export", summary="Write DICOM onto a file system", responses=fails(403))
def post_export(identifier: str) -> Response:
    """Refuse: there is no file system to write to, as in Orthanc by default."""
    return forbidden()
