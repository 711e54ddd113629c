"""Routes that are analysed when they are asked for, and what that must not change."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match

from nephele.rest import routes
from nephele.rest.deferred import DeferredRoute, Section
from nephele.rest.limits import LAMBDA, Limits, PlatformLimits
from nephele.rest.routes import SECTIONS, served_routes
from tests.unit.rest.conftest import Client

HANDLER = Path(__file__).parents[3] / "lambdas" / "api" / "handler.py"
BUILT_LATER = """
import sys, runpy
sys.path[:0] = sys.argv[2:]
runpy.run_path(sys.argv[1])
from fastapi.openapi import models
from pydantic import BaseModel
loaded = [name for name in sys.modules if name.startswith("nephele.rest.routers.")]
print(loaded, models.PathItem.__pydantic_complete__, BaseModel.model_config)
"""
ALL_ANALYSED = """
import sys, runpy
sys.path[:0] = sys.argv[2:]
runpy.run_path(sys.argv[1])
from nephele.rest.routes import served_routes
print(all("path_regex" in route.__dict__ for route in served_routes()))
"""


def run_handler(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, str(HANDLER), *sys.path],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.module)
def test_a_section_has_the_paths_of_its_router(section: Section) -> None:
    assert all(type(route) is DeferredRoute for route in section.routes)
    assert {route.path.split("/")[1] for route in section.routes} == section.segments


def test_every_router_has_a_section() -> None:
    folder = Path(routes.__file__).parent / "routers"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == {section.module for section in SECTIONS}


def test_a_start_imports_no_router_and_builds_no_model_of_openapi() -> None:
    assert run_handler(BUILT_LATER) == "[] False {}"


def test_a_snapshot_holds_all_routes() -> None:
    assert run_handler(ALL_ANALYSED) == "False"
    assert run_handler(ALL_ANALYSED, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") == "True"


def get_nothing() -> Response:
    return Response()


def get_one(identifier: str) -> Response:
    return Response(identifier)


@pytest.mark.parametrize("verb", ["GET", "PUT"])
@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/tools", "/tools"),
        ("/tools", "/tools/now"),
        ("/tools/now", "/tools/now"),
        ("/tools/now", "/tools/later"),
        ("/studies/{identifier}", "/studies/1"),
        ("/studies/{identifier}", "/studies"),
        ("/studies/{identifier}", "/series/1"),
        ("/studies/{identifier}/series", "/studies/1/series"),
        ("/studies/{identifier}/series", "/studies/1/instances"),
        ("/studies/{identifier}.zip", "/studies/1.zip"),
        ("/studies/{identifier}.zip", "/studies/1.tar"),
        ("/blobs/{identifier:path}", "/blobs/a/b/c"),
        ("/blobs/{identifier:path}", "/blobs/"),
        ("/blobs/{identifier:path}", "/blobs"),
        ("/blobs/{identifier:path}/file", "/blobs/a/b/file"),
        ("/tools", "/"),
        ("/tools", ""),
    ],
)
def test_a_deferred_route_matches_as_any_other(template: str, path: str, verb: str) -> None:
    scope = {"type": "http", "method": verb, "path": path, "root_path": "", "headers": []}
    endpoint = get_one if "{" in template else get_nothing
    deferred, usual = DeferredRoute(template, endpoint), APIRoute(template, endpoint)
    match, child = deferred.matches(scope)
    wanted, wanted_child = usual.matches(scope)
    assert match is wanted
    assert child.get("path_params") == wanted_child.get("path_params")


def test_a_route_of_another_shape_is_not_analysed() -> None:
    route = DeferredRoute("/studies/{identifier}", get_one)
    scope = {"type": "http", "method": "GET", "path": "/studies", "root_path": "", "headers": []}
    assert route.matches(scope) == (Match.NONE, {})
    assert "dependant" not in route.__dict__
    assert route.methods == {"GET"}
    assert "dependant" in route.__dict__


def name_of_thread() -> Response:
    return Response(threading.current_thread().name)


@pytest.mark.parametrize(
    ("limits", "is_here"),
    [(LAMBDA, True), (Limits(), False)],
    ids=["one request at a time", "many requests"],
)
def test_an_endpoint_gets_a_thread_where_others_would_wait(limits: Limits, is_here: bool) -> None:
    app = FastAPI()
    app.router.routes.append(DeferredRoute("/thread", name_of_thread))
    client = Client(PlatformLimits(app, limits, pytest.fail))
    assert (client.get("/thread").text == threading.current_thread().name) is is_here


def test_the_openapi_document_describes_every_route(client: Client) -> None:
    document = client.get("/openapi.json").json()
    described = {(verb, path) for path, item in document["paths"].items() for verb in item}
    pairs = ((verb.lower(), route.path) for route in served_routes() for verb in route.methods)
    assert described == {(verb, path.replace(":path}", "}")) for verb, path in pairs}
    one = document["paths"]["/instances/{identifier}"]["get"]
    assert one["summary"] == "Get one instance"
    assert one["parameters"][0]["name"] == "identifier"


def test_the_page_of_the_document(client: Client) -> None:
    response = client.get("/docs")
    assert response.status_code == 200
    assert "/openapi.json" in response.text


ORTHANC = Path(__file__).with_name("orthanc_routes.txt")
"""Paths of Orthanc 1.12.11 and its DICOMweb plugin that Nephele is to serve, with their verbs."""
LATER = re.compile(
    r"/(dicom-web/.*|wado|app/.*|favicon\.ico|studies/\{\}/(merge|split|update-dicomweb-cache))?"
    r"|/(patients|studies|series|instances)/\{\}/(modify|anonymize)"
    r"|/tools/(bulk-modify|bulk-anonymize|create-dicom)"
)
"""Those that come with other pieces: pages, DICOMweb, modification."""
NAMED = {"/queries/{}/answers/{}/query-{}": ("instances", "series", "studies")}
"""Routes of Nephele that stand for several of Orthanc's."""


def _served() -> set[tuple[str, str]]:
    served = set()
    for route in served_routes():
        path = re.sub(r"\{[^}]*\}", "{}", route.path)
        names = NAMED.get(path, ("{}",))
        paths = {path.removesuffix("{}") + name if path in NAMED else path for name in names}
        served |= {(verb, one) for verb in route.methods for one in paths}
    return served


def test_the_routes_of_orthanc_are_served() -> None:
    wanted = set()
    for line in ORTHANC.read_text().splitlines():
        path, *verbs = line.split()
        wanted |= {(verb, re.sub(r"\{[^}]*\}", "{}", path)) for verb in verbs}
    missing = {one for one in wanted - _served() if not LATER.fullmatch(one[1])}
    assert len(wanted) > 250
    assert missing == set()
