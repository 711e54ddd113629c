"""What is inside an instance: its file, its tags, a picture of it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.dicom_json import TagFormat
from nephele.domain.dictionary import parse_tag
from nephele.domain.levels import Level
from nephele.errors import BadRequest
from nephele.rest.answers import json_answer, nothing
from nephele.rest.arguments import arguments_of, words
from nephele.rest.dependencies import OpenArchive
from nephele.rest.files import file_answer
from nephele.rest.formats import data_set_format
from nephele.rest.media_types import is_acceptable
from nephele.services.archive import Archive
from nephele.services.hierarchy import find_resource, require_resource
from nephele.services.retrieve import (
    data_set,
    file_of,
    meta_information,
    number_of_frames,
    preview_frame,
)

router = APIRouter(prefix="/instances/{identifier}", tags=["Instances"])

_PNG = "image/png"


@router.get("/file", summary="Download DICOM")
def get_file(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return the file as it is stored, under `?filename=` where that is given."""
    file = file_of(require_resource(archive, Level.INSTANCE, identifier))
    filename = arguments_of(request).get("filename") or f"{identifier}.dcm"
    return file_answer(request, archive, file.key, file.size_bytes, filename)


@router.get("/tags", summary="Get DICOM tags")
def get_tags(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return all tags, in full unless `?short` or `?simplify` ask otherwise."""
    return _tags(request, archive, identifier, data_set_format(arguments_of(request)))


@router.get("/simplified-tags", summary="Get human-readable tags")
def get_simplified_tags(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return all tags by name."""
    return _tags(request, archive, identifier, TagFormat.HUMAN)


@router.get("/header", summary="Get DICOM meta-header")
def get_header(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return the file meta information, group 0002."""
    instance = require_resource(archive, Level.INSTANCE, identifier)
    return json_answer(meta_information(archive, instance, data_set_format(arguments_of(request))))


@router.get("/preview", summary="Render the first frame")
def get_preview(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return a PNG image, grayscale stretched to its whole range."""
    return _preview(request, archive, identifier, "0")


@router.get("/frames", summary="List the frames")
def get_frames(archive: OpenArchive, identifier: str) -> Response:
    """Return the numbers of all frames, from 0."""
    instance = require_resource(archive, Level.INSTANCE, identifier)
    return json_answer(list(range(number_of_frames(instance))))


@router.get("/frames/{frame}/preview", summary="Render a frame")
def get_frame_preview(
    request: Request, archive: OpenArchive, identifier: str, frame: str
) -> Response:
    """Return a PNG image of a frame, counted from 0."""
    return _preview(request, archive, identifier, frame)


def _preview(request: Request, archive: Archive, identifier: str, frame: str) -> Response:
    """Answer with a picture; what is not there, or in no acceptable format, is an empty 404."""
    instance = find_resource(archive, Level.INSTANCE, identifier)
    is_frame = frame.isascii() and frame.isdecimal()
    if instance is None or not is_frame or int(frame) >= number_of_frames(instance):
        return nothing()
    if not is_acceptable(request.headers.get("accept", ""), _PNG):
        return nothing()
    return Response(preview_frame(archive, instance, int(frame)), headers={"Content-Type": _PNG})


def _tags(request: Request, archive: Archive, identifier: str, tag_format: TagFormat) -> Response:
    instance = require_resource(archive, Level.INSTANCE, identifier)
    lifted = words(arguments_of(request).get("ignore-length", ""), ",")
    return json_answer(
        data_set(archive, instance, tag_format, frozenset(_parse(name) for name in lifted))
    )


def _parse(name: str) -> int:
    tag = parse_tag(name)
    if tag is None:
        raise BadRequest("Unknown DICOM tag")
    return tag
