"""Patients, studies, series and instances: lists, single resources, their relatives, deletion."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.errors import UnknownResource
from nephele.rest.answers import json_answer, nothing
from nephele.rest.arguments import arguments_of, flag, page, words
from nephele.rest.dependencies import OpenArchive
from nephele.rest.formats import resource_format
from nephele.services.archive import Archive
from nephele.services.delete import delete
from nephele.services.hierarchy import (
    ancestor,
    descendants,
    find_resource,
    list_level,
    require_resource,
    resources_in_order,
)
from nephele.services.resources_view import View, describe
from nephele.services.system import resource_statistics

router = APIRouter()


def _view(arguments: Mapping[str, str]) -> View:
    requested = arguments.get("requested-tags", arguments.get("requestedTags", ""))
    return View(resource_format(arguments), words(requested, ";"))


def _describe_ids(archive: Archive, ids: list[OrthancId], view: View) -> Response:
    return json_answer(describe(archive, resources_in_order(archive, ids), view))


def _get_list(level: Level) -> Callable[[Request, OpenArchive], Response]:
    def get_list(request: Request, archive: OpenArchive) -> Response:
        arguments = arguments_of(request)
        since, limit = page(arguments, f"/{level.collection}/")
        is_expanded = flag(arguments, "expand")
        ids = list_level(archive, level, since, limit)
        return _describe_ids(archive, ids, _view(arguments)) if is_expanded else json_answer(ids)

    return get_list


def _get_one(level: Level) -> Callable[[Request, OpenArchive, str], Response]:
    def get_one(request: Request, archive: OpenArchive, identifier: str) -> Response:
        resource = find_resource(archive, level, identifier)
        if resource is None:
            return nothing()
        return json_answer(describe(archive, [resource], _view(arguments_of(request)))[0])

    return get_one


def _delete_one(level: Level) -> Callable[[OpenArchive, str], Response]:
    def delete_one(archive: OpenArchive, identifier: str) -> Response:
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
        arguments = arguments_of(request)
        is_expanded = flag(arguments, "expand", default=True)
        ids = descendants(archive, require_resource(archive, level, identifier), below)
        return _describe_ids(archive, ids, _view(arguments)) if is_expanded else json_answer(ids)

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

    def add(path: str, endpoint: Callable[..., Response], summary: str, verb: str = "GET") -> None:
        identifier = f"{verb.lower()}{path.replace('/', '-')}"
        router.add_api_route(
            path,
            endpoint,
            methods=[verb],
            summary=summary,
            name=identifier,
            tags=[*tags],
            response_model=None,
        )

    add(f"/{collection}", _get_list(level), f"List {collection}")
    add(one, _get_one(level), f"Get one {name}")
    add(one, _delete_one(level), f"Delete one {name}", "DELETE")
    add(f"{one}/statistics", _get_statistics(level), f"Get statistics of one {name}")
    position = ORDER.index(level)
    for below in ORDER[position + 1 :]:
        path = f"{one}/{below.collection}"
        add(path, _get_beneath(level, below), f"List {below.collection} of one {name}")
    for above in ORDER[:position]:
        path = f"{one}/{above.value.lower()}"
        add(path, _get_above(level, above), f"Get the {above.value.lower()} of one {name}")


for _level in ORDER:
    _add_routes(_level)
