"""Pictures of instances and their frames: PNG, JPEG or PAM, as the client accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.levels import Level
from nephele.errors import AnswerTooLarge, BadFileFormat, UnsupportedImage
from nephele.rest.answers import json_answer, nothing
from nephele.rest.arguments import arguments_of
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.media_types import preferred
from nephele.rest.parameters import fails, takes
from nephele.rest.picture_arguments import box_of, frame_number, quality_of, window_of
from nephele.services.archive import Archive
from nephele.services.hierarchy import find_resource, require_resource
from nephele.services.render import picture_of
from nephele.services.retrieve import number_of_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nephele.domain.rendering import Picture

    Draw = Callable[[Picture], NDArray[Any]]

router = APIRouter(tags=["Pictures"], route_class=DeferredRoute)

_PNG, _JPEG, _PAM = "image/png", "image/jpeg", "image/x-portable-arbitrarymap"
_ONE = "/instances/{identifier}"
_FRAME = _ONE + "/frames/{frame}"
_UNSUPPORTED = "app/images/unsupported.png"
_NO = ("0", "false")
_MOST_FRAMES = 1_000_000
_OPERATIONS = (
    "image-int16",
    "image-uint16",
    "image-uint8",
    "matlab",
    "numpy",
    "preview",
    "raw",
    "raw.gz",
    "rendered",
)


def _draw_preview(_: Mapping[str, str]) -> Draw:
    from nephele.domain.rendering import preview

    return preview


def _draw_rendered(arguments: Mapping[str, str]) -> Draw:
    from nephele.domain.rendering import rendered

    center, width = window_of(arguments)
    return partial(rendered, center=center, width=width, box=box_of(arguments))


def _draw_clamped(dtype: str, _: Mapping[str, str]) -> Draw:
    from nephele.domain.rendering import clamped

    return partial(clamped, dtype=dtype)


@dataclass(frozen=True, slots=True)
class _View:
    """One way to show a frame; `draw` reads its arguments."""

    name: str
    summary: str
    draw: Callable[[Mapping[str, str]], Draw]
    media_types: tuple[str, ...] = (_PNG, _JPEG, _PAM)
    arguments: tuple[str, ...] = ()


_VIEWS = (
    _View("preview", "Decode {} (preview)", _draw_preview),
    _View(
        "rendered",
        "Render {}",
        _draw_rendered,
        arguments=("window-center", "window-width", "width", "height", "smooth"),
    ),
    _View("image-uint8", "Decode {} (uint8)", partial(_draw_clamped, "u1")),
    _View("image-uint16", "Decode {} (uint16)", partial(_draw_clamped, "u2"), (_PNG, _PAM)),
    _View("image-int16", "Decode {} (int16)", partial(_draw_clamped, "i2"), (_PNG, _PAM)),
)


@router.get(_ONE + "/frames", summary="List available frames", responses=fails(404, 413))
def get_frames(archive: OpenArchive, identifier: str) -> Response:
    """Return the numbers of all frames, from 0."""
    count = number_of_frames(require_resource(archive, Level.INSTANCE, identifier))
    if count > _MOST_FRAMES:
        raise AnswerTooLarge(f"NumberOfFrames (0028,0008) is {count}")
    return json_answer(list(range(count)))


@router.get(_FRAME, summary="List operations", responses=fails(404))
def get_operations(archive: OpenArchive, identifier: str, frame: str) -> Response:
    """Return what can be asked of a frame."""
    instance = require_resource(archive, Level.INSTANCE, identifier)
    number = frame_number(frame)
    if number is None or number >= number_of_frames(instance):
        return nothing()
    return json_answer(_OPERATIONS)


@router.get(f"/{_UNSUPPORTED}", summary="Get the picture of what cannot be rendered")
def get_unsupported() -> Response:
    """Return the picture that `returnUnsupportedImage` leads to."""
    from nephele.domain.rendering import unsupported_picture

    return Response(unsupported_picture(), headers={"Content-Type": _PNG})


def _answer(
    request: Request, archive: Archive, identifier: str, frame: str, view: _View, *, depth: int
) -> Response:
    """Answer with a picture; what is not there, or in no acceptable format, is an empty 404.

    `depth` is how many segments of the path stand in front of its last one.
    """
    instance = find_resource(archive, Level.INSTANCE, identifier)
    number = frame_number(frame)
    if instance is None or number is None or number >= number_of_frames(instance):
        return nothing()
    media_type = preferred(request.headers.get("accept", ""), view.media_types)
    if media_type is None:
        return nothing()
    arguments = arguments_of(request)
    draw, quality = view.draw(arguments), quality_of(arguments)
    try:
        return _encoded(draw(picture_of(archive, instance, number)), media_type, quality)
    except (UnsupportedImage, BadFileFormat) as exc:
        if arguments.get("returnUnsupportedImage", _NO[0]) not in _NO:
            return _to_unsupported(depth)
        raise UnsupportedImage(str(exc)) from exc


def _encoded(samples: NDArray[Any], media_type: str, quality: int) -> Response:
    from nephele.domain.rendering import ImageFormat, encode_picture

    body = encode_picture(samples, ImageFormat(media_type), quality)
    return Response(body, headers={"Content-Type": media_type})


def _to_unsupported(depth: int) -> Response:
    """Redirect to the picture that says so, by a relative path as Orthanc does."""
    location = "../" * depth + _UNSUPPORTED
    return Response(status_code=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": location})


def _get_first(view: _View) -> Callable[[Request, OpenArchive, str], Response]:
    def get_first(request: Request, archive: OpenArchive, identifier: str) -> Response:
        return _answer(request, archive, identifier, "0", view, depth=2)

    return get_first


def _get_frame(view: _View) -> Callable[[Request, OpenArchive, str, str], Response]:
    def get_frame(request: Request, archive: OpenArchive, identifier: str, frame: str) -> Response:
        return _answer(request, archive, identifier, frame, view, depth=4)

    return get_frame


def _add_routes(view: _View) -> None:
    content: dict[str, Any] = {media_type: {} for media_type in view.media_types}
    shown: dict[int | str, dict[str, Any]] = {
        200: {"description": "The picture", "content": content},
        301: {"description": "It cannot be rendered: the picture that says so"},
    }
    for path, endpoint, what in (
        (_ONE, _get_first(view), "an image"),
        (_FRAME, _get_frame(view), "a frame"),
    ):
        router.add_api_route(
            f"{path}/{view.name}",
            endpoint,
            methods=["GET"],
            summary=view.summary.format(what),
            name=f"get-{what.split()[1]}-{view.name}",
            responses=shown | fails(400, 404, 415),
            response_class=Response,
            openapi_extra=takes(*view.arguments, "quality", "returnUnsupportedImage"),
        )


for _view in _VIEWS:
    _add_routes(_view)
