"""Odd requests of field clients, and Orthanc's answers to odd verbs."""

from __future__ import annotations

import pytest

from tests.unit.rest.conftest import Client, Connect

FAKED = "X-HTTP-Method-Override"


@pytest.mark.parametrize(
    "path",
    ["/instances", "/instances/", "//instances//", "/instances?_=1", "/instances?expand=false"],
    ids=["plain", "trailing slash", "doubled slashes", "cache buster", "no expand"],
)
def test_paths_that_reach_the_list(client: Client, path: str) -> None:
    response = client.get(f"http://nephele{path}")
    assert response.status_code == 200
    assert response.text == "[]"
    assert response.headers["content-type"] == "application/json; charset=utf-8"


VERBS = {
    "wrong verb": ("PUT", "/instances", 405, "GET,POST"),
    "wrong verb of a tool": ("POST", "/tools/now", 405, "GET"),
    "wrong verb of one instance": ("PUT", "/instances/x", 405, "GET,DELETE"),
    "HEAD reaches WebDAV only": ("HEAD", "/system", 404, None),
    "OPTIONS reaches WebDAV only": ("OPTIONS", "/system", 404, None),
    "PROPFIND": ("PROPFIND", "/system", 404, None),
    "PATCH": ("PATCH", "/system", 400, None),
    "a verb nobody knows": ("FOO", "/system", 400, None),
    "faked DELETE by argument": ("GET", "/instances?_method=DELETE", 405, "GET,POST"),
    "faked delete in lower case": ("GET", "/instances?_method=delete", 405, "GET,POST"),
    "faked GET": ("GET", "/instances?_method=GET", 400, None),
    "faked nonsense": ("GET", "/instances?_method=foo", 400, None),
    "faked without a value": ("GET", "/instances?_method", 400, None),
}


@pytest.mark.parametrize(("verb", "path", "status", "allow"), VERBS.values(), ids=VERBS.keys())
def test_verbs(client: Client, verb: str, path: str, status: int, allow: str | None) -> None:
    response = client.request(verb, path)
    assert response.status_code == status
    assert response.content == b""
    assert response.headers.get("allow") == allow


@pytest.mark.parametrize(
    ("value", "status"), [("PUT", 405), ("delete", 405), ("GET", 400), ("bar", 400)]
)
def test_faked_by_header(client: Client, value: str, status: int) -> None:
    assert client.post("/instances", headers={FAKED: value}).status_code == status


def test_argument_fakes_with_get_alone(client: Client) -> None:
    assert client.post("/tools/lookup?_method=DELETE", content=b"x").status_code == 200


def test_unknown_uri(client: Client) -> None:
    response = client.get("/nonsense?with=query")
    assert response.status_code == 404
    assert response.json() == {
        "Details": "Nephele does not serve this path",
        "HttpError": "Not Found",
        "HttpStatus": 404,
        "Message": "Unknown resource",
        "Method": "GET",
        "OrthancError": "Unknown resource",
        "OrthancStatus": 17,
        "Uri": "/nonsense",
    }


def test_errors_without_description(connect: Connect) -> None:
    response = connect(HttpDescribeErrors=False).get("/nonsense")
    assert response.status_code == 404
    assert response.content == b""


ARGUMENTS = {
    "since alone": ("since=0", 400, 8),
    "limit alone": ("limit=1", 400, 8),
    "no number": ("since=a&limit=1", 400, 5),
    "no limit": ("since=0&limit=0", 200, None),
    "negative numbers are huge": ("since=0&limit=-5", 200, None),
    "no Boolean": ("expand=foo", 400, 3),
    "expand without a value": ("expand", 200, None),
}


@pytest.mark.parametrize(("query", "status", "code"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_arguments(client: Client, query: str, status: int, code: int | None) -> None:
    response = client.get(f"/studies?{query}")
    assert response.status_code == status
    if code is not None:
        assert response.json()["OrthancStatus"] == code


def test_missing_argument_is_named(client: Client) -> None:
    details = client.get("/studies?limit=1").json()["Details"]
    assert details == 'Missing "since" argument for GET request against: /studies/'
