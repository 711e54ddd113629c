"""The requests that are compared leave out nothing that Orthanc 1.10.1 says it serves."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from nephele.rest.routes import served_routes
from tests.differential.asked import Asked, iter_asked
from tests.differential.conftest import require_orthanc
from tests.differential.keeping import KEEPING
from tests.differential.orthanc import EXECUTABLE
from tests.differential.request import LEVELS

_KEPT = re.compile(r"/(patients|studies|series|instances)/\{\w+\}/(metadata|attachments|protected)")
ROUTES = sorted(
    (verb, route.path)
    for route in served_routes()
    if _KEPT.match(route.path)
    for verb in route.methods
)


@pytest.mark.parametrize(("verb", "path"), ROUTES, ids=" ".join)
def test_a_route_is_compared(verb: str, path: str) -> None:
    pattern = _pattern(path)
    paths = [request.path.partition("?")[0] for request in KEEPING if request.method == verb]
    assert any(pattern.fullmatch(path) for path in paths)


def test_there_are_routes_of_every_level() -> None:
    assert {path.split("/")[1] for _, path in ROUTES} == set(LEVELS)


GROUPS = (
    *("Patients", "Studies", "Series", "Instances"),
    *("System", "Tracking changes", "Logs", "Other", "Jobs"),
)
"""As Orthanc's own document has them; what calls other archives has tests of its own."""
NOT_COMPARED = {
    r"POST /.*/(modify|anonymize|split|merge)( .*)?": "modification is not served yet",
    r"POST /tools/(bulk-modify|bulk-anonymize|create-dicom)( .*)?": "modification, likewise",
    r"POST /tools/(reset|shutdown)": "Orthanc would end, Nephele refuses it",
}
"""What Orthanc serves and no request asks for, and why."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the paths of Orthanc's own OpenAPI document."""
    require_orthanc()
    file = tmp_path_factory.mktemp("openapi") / "orthanc.json"
    command = [EXECUTABLE, f"--openapi={file}"]
    subprocess.run(command, check=True, capture_output=True, cwd=file.parent, timeout=60)
    paths: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["paths"]
    return paths


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


def _iter_missing(path: str, verb: str, operation: dict[str, Any]) -> Iterator[str]:
    """Yield what of an operation no request has: the operation, arguments, headers, fields."""
    name, pattern = f"{verb.upper()} {path}", _pattern(path)
    asked = [one for one in ASKED if one.method == verb.upper() and pattern.fullmatch(one.path)]
    if not asked:
        yield name
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and not _is_in(asked, "arguments", parameter["name"]):
            yield f"{name} ?{parameter['name']}"
        if parameter["in"] == "header" and not _is_in(asked, "headers", parameter["name"].lower()):
            yield f"{name} {parameter['name']}:"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for field in content.get("schema", {}).get("properties", ()):
            if not _is_in(asked, "fields", field):
                yield f"{name} .{field}"


def _is_in(asked: list[Asked], what: str, name: str) -> bool:
    return any(name in getattr(one, what) for one in asked)


ASKED = list(iter_asked())


@pytest.mark.parametrize("group", GROUPS)
def test_every_route_and_argument_of_orthanc_is_compared(
    served: dict[str, Any], group: str
) -> None:
    operations = [
        (path, verb, operation)
        for path, verbs in served.items()
        for verb, operation in verbs.items()
        if group in operation["tags"]
    ]
    assert operations
    missing = [name for one in operations for name in _iter_missing(*one)]
    assert [name for name in missing if not _reasons(name)] == []


def test_no_reason_is_stale(served: dict[str, Any]) -> None:
    missing = [
        name
        for path, verbs in served.items()
        for verb, operation in verbs.items()
        for name in _iter_missing(path, verb, operation)
    ]
    met = {reason for name in missing for reason in _reasons(name)}
    assert met == NOT_COMPARED.keys()


def _reasons(name: str) -> list[str]:
    return [pattern for pattern in NOT_COMPARED if re.fullmatch(pattern, name)]
