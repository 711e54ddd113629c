"""`/{level}/{id}/labels`, and `/tools/labels`."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import Response

from nephele.domain.levels import ORDER, Level
from nephele.rest.answers import empty_answer, json_answer, nothing
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.level_routes import add_route
from nephele.services.hierarchy import require_resource
from nephele.services.labels import add_label, all_labels, has_label, remove_label

router = APIRouter(route_class=DeferredRoute)


@router.get("/tools/labels", summary="Get all the used labels", tags=["Tools"])
def get_labels(archive: OpenArchive) -> Response:
    """Return every label that some resource has, sorted."""
    return json_answer(all_labels(archive))


def _get_list(level: Level) -> Callable[[OpenArchive, str], Response]:
    def get_list(archive: OpenArchive, identifier: str) -> Response:
        return json_answer(sorted(require_resource(archive, level, identifier).user.labels))

    return get_list


def _get_one(level: Level) -> Callable[[OpenArchive, str, str], Response]:
    def get_one(archive: OpenArchive, identifier: str, label: str) -> Response:
        is_there = has_label(archive, level, identifier, label)
        return empty_answer() if is_there else nothing()

    return get_one


def _put_one(level: Level) -> Callable[[OpenArchive, str, str], Response]:
    def put_one(archive: OpenArchive, identifier: str, label: str) -> Response:
        add_label(archive, level, identifier, label)
        return empty_answer()

    return put_one


def _delete_one(level: Level) -> Callable[[OpenArchive, str, str], Response]:
    def delete_one(archive: OpenArchive, identifier: str, label: str) -> Response:
        remove_label(archive, level, identifier, label)
        return empty_answer()

    return delete_one


for _level in ORDER:
    _one, _errors = "labels/{label}", (400, 404)
    add_route(router, _level, "labels", _get_list(_level), "List labels of one {name}")
    add_route(router, _level, _one, _get_one(_level), "Test a label of one {name}")
    add_route(
        router,
        _level,
        _one,
        _put_one(_level),
        "Add a label to one {name}",
        verb="PUT",
        errors=(*_errors, 413),
    )
    add_route(
        router,
        _level,
        _one,
        _delete_one(_level),
        "Remove a label from one {name}",
        verb="DELETE",
        errors=_errors,
    )
