"""`/{level}/{id}/metadata`."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.levels import ORDER, Level
from nephele.rest.answers import empty_answer, json_answer, nothing
from nephele.rest.arguments import arguments_of, flag
from nephele.rest.bodies import RawBody
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.level_routes import add_route
from nephele.rest.parameters import takes, takes_body
from nephele.rest.revision_headers import expected_revision, unchanged, with_revision
from nephele.services.hierarchy import require_resource
from nephele.services.metadata import (
    all_metadata,
    delete_metadata,
    metadata_names,
    metadata_number,
    metadata_value,
    numbers,
    set_metadata,
)

router = APIRouter(route_class=DeferredRoute)


def _get_list(level: Level) -> Callable[[Request, OpenArchive, str], Response]:
    def get_list(request: Request, archive: OpenArchive, identifier: str) -> Response:
        arguments = arguments_of(request)
        is_numeric = flag(arguments, "numeric")
        resource = require_resource(archive, level, identifier)
        names = metadata_names(archive)
        if not flag(arguments, "expand"):
            found = numbers(resource)
            return json_answer(found if is_numeric else [names.name(n) for n in found])
        values = all_metadata(archive, resource).items()
        return json_answer({str(n) if is_numeric else names.name(n): v for n, v in values})

    return get_list


def _get_one(level: Level) -> Callable[[Request, OpenArchive, str, str], Response]:
    def get_one(request: Request, archive: OpenArchive, identifier: str, name: str) -> Response:
        number = metadata_number(archive, name)
        found = metadata_value(archive, require_resource(archive, level, identifier), number)
        if found is None:
            return nothing()
        answer = unchanged(request, found.revision)
        if answer is None:
            answer = Response(found.value, headers={"Content-Type": "text/plain"})
        return with_revision(answer, found.revision)

    return get_one


def _put_one(
    request: Request, archive: OpenArchive, identifier: str, name: str, body: RawBody
) -> Response:
    number, expected = metadata_number(archive, name), expected_revision(request)
    revision = set_metadata(archive, identifier, number, body, expected)
    return with_revision(empty_answer(), revision)


def _delete_one(request: Request, archive: OpenArchive, identifier: str, name: str) -> Response:
    number, expected = metadata_number(archive, name), expected_revision(request)
    delete_metadata(archive, identifier, number, expected)
    return empty_answer()


_BODY = takes_body("text/plain", "The value: any bytes")

for _level in ORDER:
    _one = "metadata/{name}"
    add_route(
        router,
        _level,
        "metadata",
        _get_list(_level),
        "List metadata of one {name}",
        extra=takes("expand", "numeric"),
        errors=(400, 404),
    )
    add_route(router, _level, _one, _get_one(_level), "Get metadata of one {name}")
    for _verb, _endpoint, _summary in (
        ("PUT", _put_one, "Set metadata of one {name}"),
        ("DELETE", _delete_one, "Delete metadata of one {name}"),
    ):
        add_route(
            router,
            _level,
            _one,
            _endpoint,
            _summary,
            verb=_verb,
            errors=(400, 403, 404, 409),
            extra=_BODY if _verb == "PUT" else None,
        )
