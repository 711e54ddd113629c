"""The OpenAPI document tells what routes take and answer."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nephele.rest import bodies
from nephele.rest.openapi.answers import SUCCESSES
from nephele.rest.openapi.bodies import BODIES
from nephele.rest.openapi.document import row_of
from nephele.rest.routes import served_routes
from tests.unit.rest.conftest import Client

_BODIES = (
    bodies.json_object,
    bodies.optional_object,
    bodies.raw_body,
    bodies.spooled_body,
    bodies.text_body,
    bodies.uploaded_files,
)
"""What a route depends on that reads a body."""
_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    """Return the document as it is served."""
    response = client.get("/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


def _operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (verb.upper(), path): operation
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }


def test_every_route_is_described(document: dict[str, Any]) -> None:
    operations = _operations(document)
    served = {
        (verb, route.path.replace(":path}", "}"))
        for route in served_routes()
        for verb in route.methods
    }
    assert served == operations.keys()
    for name, operation in operations.items():
        assert operation["summary"], name
        assert operation["tags"], name
        described = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert described == set(_PARAMETER.findall(name[1])), name


@pytest.mark.parametrize(
    ("verb", "path", "arguments"),
    [
        ("GET", "/studies", {"expand", "since", "limit", "requested-tags", "response-content"}),
        ("GET", "/series/{identifier}", {"short", "full", "simplify", "requested-tags"}),
        ("GET", "/patients/{identifier}/studies", {"expand", "short", "requested-tags"}),
        ("GET", "/instances/{identifier}/tags", {"short", "simplify", "ignore-length", "whole"}),
        ("GET", "/studies/{identifier}/module-patient", {"short", "ignore-length"}),
        ("GET", "/changes", {"since", "limit", "to", "type", "last"}),
        ("GET", "/exports", {"since", "limit", "last"}),
        ("GET", "/tools/generate-uid", {"level"}),
    ],
)
def test_arguments(document: dict[str, Any], verb: str, path: str, arguments: set[str]) -> None:
    operation = _operations(document)[verb, path]
    told = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
    assert arguments <= told


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "/instances/{identifier}/content/{path}", "404"),
        ("GET", "/series/{identifier}/ordered-slices", "400"),
        ("PUT", "/tools/default-encoding", "400"),
        ("POST", "/patients/{identifier}/reconstruct", "404"),
        ("DELETE", "/studies/{identifier}", "404"),
        ("POST", "/tools/reset", "403"),
    ],
)
def test_errors(document: dict[str, Any], verb: str, path: str, status: str) -> None:
    assert status in _operations(document)[verb, path]["responses"]


@pytest.mark.parametrize("path", ["/tools/default-encoding", "/tools/log-level", "/tools/metrics"])
def test_bodies(document: dict[str, Any], path: str) -> None:
    body = _operations(document)["PUT", path]["requestBody"]
    assert "text/plain" in body["content"]


def test_every_answer_has_a_shape(document: dict[str, Any]) -> None:
    for name, operation in _operations(document).items():
        responses = operation["responses"]
        assert responses["200"]["content"], name
        assert "422" not in responses, name
        errors = [one for status, one in responses.items() if status >= "400"]
        assert all("Error" in str(one["content"]) for one in errors), name
        assert {"401", "500", "503"} <= responses.keys(), name


def test_every_body_has_a_shape(document: dict[str, Any]) -> None:
    operations = _operations(document)
    for route in served_routes():
        if any(one.call in _BODIES for one in route.dependant.dependencies):
            name = (next(iter(route.methods)), route.path.replace(":path}", "}"))
            assert operations[name]["requestBody"]["content"], name


def test_no_row_is_left_over() -> None:
    rows = {
        row_of(verb, route.path.replace(":path}", "}"))
        for route in served_routes()
        for verb in route.methods
    }
    assert SUCCESSES.keys() == rows
    assert rows >= BODIES.keys()


@pytest.mark.parametrize(
    ("verb", "path", "header"),
    [
        ("GET", "/instances/{identifier}/preview", "Accept"),
        ("GET", "/instances/{identifier}/frames/{frame}/image-int16", "Accept"),
        ("GET", "/studies/{identifier}/attachments/{name}/data", "Range"),
        ("GET", "/studies/{identifier}/archive", "Range"),
        ("GET", "/jobs/{identifier}/{key}", "If-None-Match"),
        ("PUT", "/patients/{identifier}/metadata/{name}", "If-Match"),
    ],
)
def test_headers(document: dict[str, Any], verb: str, path: str, header: str) -> None:
    parameters = _operations(document)[verb, path]["parameters"]
    assert header in {one["name"] for one in parameters if one["in"] == "header"}


def test_page(client: Client) -> None:
    assert "swagger" in client.get("/docs").text.lower()
