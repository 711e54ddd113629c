"""Frames as numbers: as they are stored, for NumPy, for Matlab."""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.levels import Level
from nephele.domain.resources import Resource
from nephele.domain.transfer_syntax import JPEG_2000, JPEG_2000_LOSSLESS, JPEG_BASELINE
from nephele.errors import ParameterOutOfRange
from nephele.rest.answers import nothing, text_answer
from nephele.rest.arguments import arguments_of, flag
from nephele.rest.array_files import OCTET_STREAM, array_answer
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails, takes
from nephele.rest.picture_arguments import frame_number
from nephele.services.archive import Archive
from nephele.services.hierarchy import require_resource
from nephele.services.render import (
    instances_in_order,
    picture_of,
    raw_frame,
    require_frame,
    write_array,
    write_frame_array,
)

if TYPE_CHECKING:
    from nephele.domain.rendering import ArrayForm

router = APIRouter(tags=["Arrays"], route_class=DeferredRoute)

_ONE = "/instances/{identifier}"
_FRAME = _ONE + "/frames/{frame}"
_RAW_TYPES = {JPEG_BASELINE: "image/jpeg", JPEG_2000_LOSSLESS: "image/jp2", JPEG_2000: "image/jp2"}
_GZIP = "application/gzip"
_GZIP_WRAPPER = zlib.MAX_WBITS | 16
_ARRAY: dict[str, Any] = {
    "openapi_extra": takes("compress", "rescale"),
    "responses": {
        200: {"description": "The array", "content": {OCTET_STREAM: {}}},
        307: {"description": "The array is large: where it can be fetched for a while"},
        **fails(400, 404, 413, 415),
    },
}


@router.get(_FRAME + "/raw", summary="Access raw frame", responses=fails(400, 404, 415))
def get_raw(archive: OpenArchive, identifier: str, frame: str) -> Response:
    """Return a frame's bytes as they are stored, native ones in little endian."""
    found = _raw(archive, identifier, frame)
    if found is None:
        return nothing()
    body, transfer_syntax_uid = found
    media_type = _RAW_TYPES.get(transfer_syntax_uid, OCTET_STREAM)
    return Response(body, headers={"Content-Type": media_type})


@router.get(
    _FRAME + "/raw.gz", summary="Access raw frame (compressed)", responses=fails(400, 404, 415)
)
def get_raw_gzip(archive: OpenArchive, identifier: str, frame: str) -> Response:
    """Return the bytes of `/raw`, compressed with gzip."""
    found = _raw(archive, identifier, frame)
    if found is None:
        return nothing()
    return Response(zlib.compress(found[0], wbits=_GZIP_WRAPPER), headers={"Content-Type": _GZIP})


@router.get(_ONE + "/matlab", summary="Decode an image for Matlab", responses=fails(404, 415))
def get_matlab(archive: OpenArchive, identifier: str) -> Response:
    """Return the first frame as an expression of Matlab."""
    return _matlab(archive, identifier, 0)


@router.get(_FRAME + "/matlab", summary="Decode a frame for Matlab", responses=fails(400, 404, 415))
def get_frame_matlab(archive: OpenArchive, identifier: str, frame: str) -> Response:
    """Return a frame as an expression of Matlab."""
    number = frame_number(frame)
    return nothing() if number is None else _matlab(archive, identifier, number)


@router.get(_ONE + "/numpy", summary="Decode an instance for NumPy", **_ARRAY)
def get_numpy(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return all frames, of shape `(frames, rows, columns, channels)`."""
    instance = require_resource(archive, Level.INSTANCE, identifier)
    return _all_frames(request, archive, [instance])


@router.get(_FRAME + "/numpy", summary="Decode a frame for NumPy", **_ARRAY)
def get_frame_numpy(
    request: Request, archive: OpenArchive, identifier: str, frame: str
) -> Response:
    """Return a frame, of shape `(rows, columns, channels)`."""
    instance = require_resource(archive, Level.INSTANCE, identifier)
    number = frame_number(frame)
    if number is None:
        raise ParameterOutOfRange("frame: not an unsigned number")
    write = partial(write_frame_array, archive, instance, number, _form(request))
    return array_answer(request, archive, write)


@router.get("/series/{identifier}/numpy", summary="Decode a series for NumPy", **_ARRAY)
def get_series_numpy(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return all slices in the order of `/ordered-slices`."""
    series = require_resource(archive, Level.SERIES, identifier)
    return _all_frames(request, archive, instances_in_order(archive, series))


def _raw(archive: Archive, identifier: str, frame: str) -> tuple[bytes, str] | None:
    instance = require_resource(archive, Level.INSTANCE, identifier)
    number = frame_number(frame)
    return None if number is None else raw_frame(archive, instance, number)


def _matlab(archive: Archive, identifier: str, frame: int) -> Response:
    from nephele.domain.rendering import matlab_of

    instance = require_resource(archive, Level.INSTANCE, identifier)
    require_frame(instance, frame)
    return text_answer(matlab_of(picture_of(archive, instance, frame)))


def _all_frames(request: Request, archive: Archive, instances: list[Resource]) -> Response:
    write = partial(write_array, archive, instances, _form(request))
    return array_answer(request, archive, write)


def _form(request: Request) -> ArrayForm:
    from nephele.domain.rendering import ArrayForm

    arguments = arguments_of(request)
    return ArrayForm(flag(arguments, "rescale", default=True), flag(arguments, "compress"))
