"""The OpenAPI document tells what routes take and answer."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nephele.rest.routes import served_routes
from tests.unit.rest.conftest import Client

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


def test_page(client: Client) -> None:
    assert "swagger" in client.get("/docs").text.lower()
