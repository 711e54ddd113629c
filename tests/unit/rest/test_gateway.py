"""Who sends a request, as API Gateway and CloudFront tell it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from nephele.rest.gateway import caller_of

HEADER = "x-nephele-viewer"


def request_of(app: FastAPI, authorizer: dict[str, Any], headers: dict[str, str]) -> Request:
    context = {"requestContext": {"authorizer": authorizer}}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "app": app, "headers": raw, "client": ("192.0.2.1", 0)}
    return Request(scope | {"aws.event": context})


@pytest.mark.parametrize(
    ("believed", "headers", "address"),
    [
        pytest.param("", {}, "192.0.2.1", id="direct"),
        pytest.param("", {HEADER: "203.0.113.9"}, "192.0.2.1", id="claimed"),
        pytest.param(HEADER, {HEADER: "203.0.113.9"}, "203.0.113.9", id="through CloudFront"),
        pytest.param(HEADER, {}, "192.0.2.1", id="no header"),
    ],
)
def test_the_callers_address(believed: str, headers: dict[str, str], address: str) -> None:
    app = FastAPI()
    app.state.viewer_header = believed
    assert caller_of(request_of(app, {}, headers)).remote_ip == address


@pytest.mark.parametrize(
    ("authorizer", "username"),
    [
        pytest.param({"username": "alice"}, "alice", id="basic"),
        pytest.param({"claims": {"cognito:username": "bob"}}, "bob", id="Cognito"),
        pytest.param({}, "", id="nobody"),
    ],
)
def test_the_callers_name(authorizer: dict[str, Any], username: str) -> None:
    assert caller_of(request_of(FastAPI(), authorizer, {})).http_username == username
