"""Patients, studies, series and instances: lists, single resources, their relatives, deletion."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.errors import UnknownResource
from nephele.rest.answers import json_answer, nothing
from nephele.rest.arguments import arguments_of
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.formats import resource_format
from nephele.rest.job_arguments import answer_awaited
from nephele.rest.listing import LIST_ARGUMENTS, answer_listing, view_of
from nephele.rest.parameters import FORMATS, fails, takes
from nephele.services.delete import delete
from nephele.services.delete_job import delete_by_job, is_much
from nephele.services.hierarchy import ancestor, find_resource, require_resource
from nephele.services.resources_view import View, describe
from nephele.services.system import resource_statistics

router = APIRouter(route_class=DeferredRoute)

_SHOWN = (*FORMATS, "requested-tags")


def _get_list(level: Level) -> Callable[[Request, OpenArchive], Response]:
    def get_list(request: Request, archive: OpenArchive) -> Response:
        return answer_listing(request, archive, level)

    return get_list


def _get_one(level: Level) -> Callable[[Request, OpenArchive, str], Response]:
    def get_one(request: Request, archive: OpenArchive, identifier: str) -> Response:
        resource = find_resource(archive, level, identifier)
        if resource is None:
            return nothing()
        return json_answer(describe(archive, [resource], view_of(arguments_of(request)))[0])

    return get_one


def _delete_one(level: Level) -> Callable[[Request, OpenArchive, str], Response]:
    def delete_one(request: Request, archive: OpenArchive, identifier: str) -> Response:
        resource = find_resource(archive, level, identifier)
        if resource is not None and is_much([resource]):
            return answer_awaited(request, archive, delete_by_job(archive, [resource]))
        try:
            survivor = delete(archive, level, OrthancId(identifier))
        except UnknownResource:
            return nothing()
        return json_answer({"RemainingAncestor": _reference(survivor)})

    return delete_one


def _reference(resource: Resource | None) -> dict[str, object] | None:
    if resource is None:
        return None
    return {
        "ID": resource.orthanc_id,
        "Path": f"/{resource.level.collection}/{resource.orthanc_id}",
        "Type": resource.level.value,
    }


def _get_statistics(level: Level) -> Callable[[OpenArchive, str], Response]:
    def get_statistics(archive: OpenArchive, identifier: str) -> Response:
        return json_answer(resource_statistics(require_resource(archive, level, identifier)))

    return get_statistics


def _get_beneath(level: Level, below: Level) -> Callable[[Request, OpenArchive, str], Response]:
    def get_beneath(request: Request, archive: OpenArchive, identifier: str) -> Response:
        return answer_listing(request, archive, below, level, identifier)

    return get_beneath


def _get_above(level: Level, above: Level) -> Callable[[Request, OpenArchive, str], Response]:
    def get_above(request: Request, archive: OpenArchive, identifier: str) -> Response:
        resource = ancestor(archive, require_resource(archive, level, identifier), above)
        view = View(resource_format(arguments_of(request)))
        return json_answer(describe(archive, [resource], view)[0])

    return get_above


def _add_routes(level: Level) -> None:
    name, collection = level.value.lower(), level.collection
    one = f"/{collection}/{{identifier}}"
    tags: list[str] = [collection.capitalize()]

    def add(
        path: str,
        endpoint: Callable[..., Response],
        summary: str,
        *arguments: str,
        verb: str = "GET",
        errors: tuple[int, ...] = (404,),
    ) -> None:
        identifier = f"{verb.lower()}{path.replace('/', '-')}"
        router.add_api_route(
            path,
            endpoint,
            methods=[verb],
            summary=summary,
            name=identifier,
            tags=[*tags],
            response_model=None,
            responses=fails(*errors),
            openapi_extra=takes(*arguments),
        )

    listing = (*LIST_ARGUMENTS, *_SHOWN)
    add(f"/{collection}", _get_list(level), f"List {collection}", *listing, errors=(400,))
    add(one, _get_one(level), f"Get one {name}", *_SHOWN, errors=(400, 404))
    add(one, _delete_one(level), f"Delete one {name}", verb="DELETE")
    add(f"{one}/statistics", _get_statistics(level), f"Get statistics of one {name}")
    position = ORDER.index(level)
    for below in ORDER[position + 1 :]:
        path = f"{one}/{below.collection}"
        summary = f"List {below.collection} of one {name}"
        add(path, _get_beneath(level, below), summary, "expand", *_SHOWN, errors=(400, 404))
    for above in ORDER[:position]:
        path = f"{one}/{above.value.lower()}"
        add(
            path, _get_above(level, above), f"Get the {above.value.lower()} of one {name}", *FORMATS
        )


for _level in ORDER:
    _add_routes(_level)
