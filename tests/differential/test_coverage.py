"""The tables of requests leave out no route of metadata, attachments and protection."""

from __future__ import annotations

import re

import pytest

from nephele.rest.routes import served_routes
from tests.differential.keeping import KEEPING
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
    pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
    paths = [request.path.partition("?")[0] for request in KEEPING if request.method == verb]
    assert any(pattern.fullmatch(path) for path in paths)


def test_there_are_routes_of_every_level() -> None:
    assert {path.split("/")[1] for _, path in ROUTES} == set(LEVELS)
