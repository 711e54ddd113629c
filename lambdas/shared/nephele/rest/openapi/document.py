"""Completes the OpenAPI document that FastAPI makes of the routes."""

from __future__ import annotations

import re
from typing import Any

from nephele.domain.levels import Level
from nephele.rest.openapi.answers import PLAIN, SUCCESSES, ZIP, Success
from nephele.rest.openapi.bodies import BODIES
from nephele.rest.openapi.schemas import COMPONENTS, TEXT, Schema, ref
from nephele.rest.ranges import MEDIA_TYPE

_COLLECTIONS = "|".join(level.collection for level in Level)
_OF_LEVEL = re.compile(rf"^/({_COLLECTIONS})(?=/|$)")
_NEVER = "422"
"""FastAPI's own answer to arguments it cannot read: all of ours are texts."""
_REDIRECTS = {
    301: "A picture that says so, with `returnUnsupportedImage`",
    303: "It takes longer than a call: the answer will be there",
    307: "It is larger than one answer may be, or not there yet: ask there",
}
_ALWAYS = {
    401: "No login, or a wrong one",
    500: "An error nobody expected",
    503: "The archive is busy: try again",
}
_BY_ACCEPT = {
    "name": "Accept",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "Media types of pictures, with weights; PNG by default",
}
_REVISION = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "The `ETag` of what is replaced, wanted with `CheckRevisions`",
}
_RANGE = {
    "name": "Range",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "`bytes=first-last`: a part of the file, answered with 206",
}
_ETAG = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "The `ETag` of the file that the client has",
}


def row_of(verb: str, path: str) -> str:
    """Return the name a route has in the tables of bodies and answers."""
    return f"{verb.upper()} {_OF_LEVEL.sub('/{level}', path)}"


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add to a document what the tables know, in place; return it.

    Raises
    ------
    KeyError
        A route has no row in `SUCCESSES`.
    """
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            _describe(operation, row_of(verb, path))
    document["components"] = {"schemas": COMPONENTS}
    return document


def _describe(operation: dict[str, Any], row: str) -> None:
    success = SUCCESSES[row]
    responses: dict[str, Any] = operation["responses"]
    responses.pop(_NEVER, None)
    responses["200"] = {"description": "Done", "content": _content(dict(success.content))}
    for status in success.redirects:
        responses.setdefault(str(status), {"description": _REDIRECTS[status]})
    for status, description in _ALWAYS.items():
        responses.setdefault(str(status), {"description": description})
    _describe_headers(operation, row, success)
    for code, response in responses.items():
        if code >= "400":
            response["content"] = _content({PLAIN: ref("Error")})
    if row in BODIES:
        body = operation.setdefault("requestBody", {"description": "See the shape"})
        body["content"] = _content(BODIES[row])


def _describe_headers(operation: dict[str, Any], row: str, success: Success) -> None:
    parameters = operation.setdefault("parameters", [])
    verb, path = row.split(" ", 1)
    if any(media_type.startswith("image/") for media_type, _ in success.content[1:]):
        parameters.append(_BY_ACCEPT)
    if verb in ("PUT", "DELETE") and path.endswith("/{name}") and "{level}" in path:
        parameters.append(_REVISION)
    if path.endswith(("/data", "/compressed-data")):
        _describe_ranges(operation, MEDIA_TYPE)
    elif any(media_type == ZIP for media_type, _ in success.content):
        _describe_ranges(operation, ZIP)
        parameters.append(_ETAG)
        operation["responses"]["304"] = {"description": "The client has it"}


def _describe_ranges(operation: dict[str, Any], media_type: str) -> None:
    operation["parameters"].append(_RANGE)
    partial = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    operation["responses"]["416"] = {"description": "There are no such bytes"}
    operation["responses"]["206"] = {"description": "A part of it", "content": partial}


def _content(shapes: dict[str, Schema]) -> dict[str, Any]:
    return {media_type: {"schema": schema} for media_type, schema in shapes.items()}
