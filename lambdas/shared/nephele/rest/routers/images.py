"""What is inside an instance: its file, its tags."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.dicom_json import TagFormat
from nephele.domain.levels import Level
from nephele.rest.answers import json_answer
from nephele.rest.arguments import arguments_of, flag, lifted_tags
from nephele.rest.data_sets import DICOM_JSON, DICOM_XML, data_set_answer
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.files import DICOM, file_answer, stored_answer
from nephele.rest.formats import data_set_format
from nephele.rest.limits import ANSWER_LIMIT, ask_again
from nephele.rest.media_types import preferred
from nephele.rest.parameters import FORMATS, fails, takes
from nephele.rest.transcoding_arguments import lossy_quality, transfer_syntax_argument
from nephele.services.archive import Archive
from nephele.services.derived import NotReady, transcoded_object
from nephele.services.hierarchy import require_resource
from nephele.services.retrieve import (
    data_set,
    file_of,
    meta_information,
)

router = APIRouter(prefix="/instances/{identifier}", tags=["Instances"], route_class=DeferredRoute)


@router.get(
    "/file",
    summary="Download DICOM",
    responses=fails(400, 404),
    openapi_extra=takes("filename", "transcode", "lossy-quality"),
)
def get_file(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return the file as it is stored, or in the transfer syntax `?transcode=`.

    What a transfer syntax cannot hold is answered with 404 and the reason; what takes longer than
    one answer may, with a redirect to itself. `?filename=` names the file.

    Where `Accept` asks for `application/dicom+json` or `application/dicom+xml`, the answer is the
    data set in the DICOM JSON Model or the Native DICOM Model, whatever the arguments: binary
    values in Base64, native pixels and values above 128 KiB as `BulkDataURI`, below `/content`.
    """
    instance = require_resource(archive, Level.INSTANCE, identifier)
    media_type = preferred(request.headers.get("accept", ""), (DICOM, DICOM_JSON, DICOM_XML))
    if media_type in (DICOM_JSON, DICOM_XML):
        return data_set_answer(request, archive, instance, media_type)
    arguments = arguments_of(request)
    file = file_of(instance)
    key, size_bytes = "", file.size_bytes
    if "transcode" in arguments:
        target = transfer_syntax_argument(arguments["transcode"])
        quality = lossy_quality(arguments)
        is_patient = ANSWER_LIMIT not in request.scope
        try:
            key, size_bytes = transcoded_object(
                archive, instance, target, quality, is_patient=is_patient
            )
        except NotReady:
            return ask_again(request)
    filename = arguments.get("filename") or f"{identifier}.dcm"
    if not key:
        return stored_answer(request, archive, file, filename)
    return file_answer(request, archive, key, size_bytes, filename)


@router.get(
    "/tags",
    summary="Get DICOM tags",
    responses=fails(400, 404),
    openapi_extra=takes(*FORMATS, "ignore-length", "whole"),
)
def get_tags(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return all tags, in full unless `?short` or `?simplify` ask otherwise.

    `?whole` shows what stands behind the pixel data, too.
    """
    return _tags(request, archive, identifier, data_set_format(arguments_of(request)))


@router.get(
    "/simplified-tags",
    summary="Get human-readable tags",
    responses=fails(400, 404),
    openapi_extra=takes("ignore-length", "whole"),
)
def get_simplified_tags(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return all tags by name."""
    return _tags(request, archive, identifier, TagFormat.HUMAN)


@router.get(
    "/header",
    summary="Get DICOM meta-header",
    responses=fails(404),
    openapi_extra=takes(*FORMATS),
)
def get_header(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return the file meta information, group 0002."""
    instance = require_resource(archive, Level.INSTANCE, identifier)
    return json_answer(meta_information(archive, instance, data_set_format(arguments_of(request))))


def _tags(request: Request, archive: Archive, identifier: str, tag_format: TagFormat) -> Response:
    arguments = arguments_of(request)
    lifted, is_whole = lifted_tags(arguments), flag(arguments, "whole")
    instance = require_resource(archive, Level.INSTANCE, identifier)
    return json_answer(data_set(archive, instance, tag_format, lifted, is_whole=is_whole))
