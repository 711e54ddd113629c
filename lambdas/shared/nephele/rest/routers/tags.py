"""Tags of patients, studies and series: modules, shared tags, tags of all instances, slices."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.dicom_json import TagFormat, in_format
from nephele.domain.levels import ORDER, Level
from nephele.rest.answers import JSON, empty_answer, json_answer
from nephele.rest.arguments import arguments_of, lifted_tags
from nephele.rest.bodies import TextBody
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.formats import data_set_format
from nephele.rest.limits import ANSWER_LIMIT
from nephele.rest.parameters import FORMATS, fails, takes, takes_body
from nephele.rest.reconstruct_options import answer_reconstruction, reconstruct_options
from nephele.rest.styled_json import iter_styled
from nephele.rest.tags_job import answer_by_job, answer_pieces, is_much, step_in_call
from nephele.services.hierarchy import require_resource
from nephele.services.reconstruct import reconstruct
from nephele.services.reconstruct_job import is_much as is_much_to_reconstruct
from nephele.services.slices import ordered_slices
from nephele.services.tags import instances_beneath, iter_instances_tags, module, shared_tags

router = APIRouter(route_class=DeferredRoute)

_OPTIONS = {
    "type": "object",
    "properties": {"LimitToThisLevelMainDicomTags": {"type": "boolean", "default": False}},
}

Endpoint = Callable[[Request, OpenArchive, str], Response]


def _get_module(level: Level, of: Level) -> Endpoint:
    def get_module(request: Request, archive: OpenArchive, identifier: str) -> Response:
        arguments = arguments_of(request)
        lifted = lifted_tags(arguments)
        resource = require_resource(archive, level, identifier)
        return json_answer(module(archive, resource, of, data_set_format(arguments), lifted))

    return get_module


def _get_shared_tags(level: Level) -> Endpoint:
    def get_shared_tags(request: Request, archive: OpenArchive, identifier: str) -> Response:
        tag_format = data_set_format(arguments_of(request))
        resource = require_resource(archive, level, identifier)
        if is_much(request, resource):
            return answer_by_job(request, archive, resource, tag_format, None)
        ids = instances_beneath(archive, resource)
        step = step_in_call(request, iter_instances_tags(archive, ids, TagFormat.FULL))
        shared = shared_tags(step)
        if step.is_cut:
            return answer_by_job(request, archive, resource, tag_format, None, has_begun=True)
        return json_answer(in_format(shared or {}, tag_format))

    return get_shared_tags


def _get_instances_tags(level: Level) -> Endpoint:
    def get_instances_tags(request: Request, archive: OpenArchive, identifier: str) -> Response:
        arguments = arguments_of(request)
        lifted, tag_format = lifted_tags(arguments), data_set_format(arguments)
        resource = require_resource(archive, level, identifier)
        if is_much(request, resource):
            return answer_by_job(request, archive, resource, tag_format, lifted)
        ids = instances_beneath(archive, resource)
        tags = iter_instances_tags(archive, ids, tag_format, lifted)
        if ANSWER_LIMIT not in request.scope:
            return answer_pieces(iter_styled(tags))
        step = step_in_call(request, tags)
        text = step.styled()
        if step.is_cut:
            return answer_by_job(request, archive, resource, tag_format, lifted, has_begun=True)
        return Response(text, media_type=JSON)

    return get_instances_tags


def _post_reconstruct(level: Level) -> Callable[[Request, OpenArchive, TextBody, str], Response]:
    def post_reconstruct(
        request: Request, archive: OpenArchive, body: TextBody, identifier: str
    ) -> Response:
        options = reconstruct_options(archive, body)
        resource = require_resource(archive, level, identifier)
        ids, has_files = [resource.orthanc_id], options.has_files
        if is_much_to_reconstruct(archive, resource, has_files=has_files) and (
            has_files or not options.is_this_level_alone
        ):
            return answer_reconstruction(request, archive, ids, has_files=has_files)
        if has_files:
            from nephele.services.rewriting import iter_rewriting  # and all that transcodes

            for _ in iter_rewriting(archive, resource):
                resource = require_resource(archive, level, identifier)
        reconstruct(archive, resource, is_this_level_alone=options.is_this_level_alone)
        return empty_answer()

    return post_reconstruct


@router.get(
    "/series/{identifier}/ordered-slices",
    summary="Order the slices of a series",
    tags=["Series"],
    responses=fails(400, 404),
)
def get_ordered_slices(archive: OpenArchive, identifier: str) -> Response:
    """Order by position in space where the slices are a volume, else by index."""
    return json_answer(ordered_slices(archive, require_resource(archive, Level.SERIES, identifier)))


def _add(level: Level, route: str, endpoint: Endpoint, summary: str, *arguments: str) -> None:
    router.add_api_route(
        f"/{level.collection}/{{identifier}}/{route}",
        endpoint,
        methods=["GET"],
        summary=summary,
        name=f"get-{level.collection}-{route}",
        tags=[level.collection.capitalize()],
        response_model=None,
        responses=fails(400, 404),
        openapi_extra=takes(*FORMATS, *arguments),
    )


for _level in ORDER:
    _name = _level.value.lower()
    _add(_level, "module", _get_module(_level, _level), f"Get {_name} module", "ignore-length")
    router.add_api_route(
        f"/{_level.collection}/{{identifier}}/reconstruct",
        _post_reconstruct(_level),
        methods=["POST"],
        summary=f"Reconstruct tags of one {_name}",
        name=f"post-{_level.collection}-reconstruct",
        tags=[_level.collection.capitalize()],
        response_model=None,
        responses=fails(400, 404),
        openapi_extra=takes_body("application/json", "`LimitToThisLevelMainDicomTags`", _OPTIONS),
    )
    if _level is not Level.INSTANCE:
        _add(_level, "shared-tags", _get_shared_tags(_level), f"Get shared tags of one {_name}")
        _add(
            _level,
            "instances-tags",
            _get_instances_tags(_level),
            f"Get the tags of all instances of one {_name}",
            "ignore-length",
        )
_add(
    Level.STUDY,
    "module-patient",
    _get_module(Level.STUDY, Level.PATIENT),
    "Get patient module of study",
    "ignore-length",
)
