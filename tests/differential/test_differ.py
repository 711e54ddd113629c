"""The comparison itself: it must see a difference of each kind, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import imagecodecs
import numpy as np
import pytest

from tests.differential.differ import Kind, compare
from tests.differential.differences import Intended
from tests.differential.observations import Answer, Observation
from tests.differential.report import report

JSON = {"content-type": "application/json"}


def _observe(body: object, status: int = 200, route: str = "GET /x", **headers: str) -> Observation:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Observation("subject", route, Answer(status, headers, encoded))


def _picture(value: int, shape: tuple[int, ...] = (2, 2)) -> bytes:
    return bytes(imagecodecs.png_encode(np.full(shape, value, np.uint8)))


@pytest.mark.parametrize(
    ("orthanc", "nephele", "expected"),
    [
        pytest.param({"a": 1}, {"a": 2}, [("$.a", Kind.CHANGED)], id="value"),
        pytest.param({"a": 1}, {"a": "1"}, [("$.a", Kind.CHANGED)], id="type"),
        pytest.param({"a": 1}, {"a": True}, [("$.a", Kind.CHANGED)], id="a number is no flag"),
        pytest.param({"a": 1}, {}, [("$.a", Kind.MISSING)], id="missing"),
        pytest.param({}, {"a": None}, [("$.a", Kind.EXTRA)], id="extra null"),
        pytest.param(["1", "2"], ["2", "1"], [("$", Kind.ORDER)], id="order"),
        pytest.param(["1"], ["1", "2"], [("$.length", Kind.CHANGED)], id="length"),
        pytest.param(
            [{"ID": "1", "a": 1}, {"ID": "2", "a": 1}],
            [{"ID": "2", "a": 1}, {"ID": "1", "a": 2}],
            [("$", Kind.ORDER), ("$[].a", Kind.CHANGED)],
            id="value behind another order",
        ),
        pytest.param(
            {"LastUpdate": "20260101T000000"}, {"LastUpdate": "20270101T000000"}, [], id="time"
        ),
        pytest.param(
            {"LastUpdate": "20260101T000000"},
            {"LastUpdate": "soon"},
            [("$.LastUpdate", Kind.CHANGED)],
            id="time of another shape",
        ),
        pytest.param(b'{"a" : 1}', b'{"a":1}', [("style", Kind.CHANGED)], id="layout"),
        pytest.param(b"text", b"test", [("text", Kind.CHANGED)], id="text"),
        pytest.param(b"\xff\1", b"\xff\2", [("bytes", Kind.CHANGED)], id="bytes"),
        pytest.param(_picture(5), _picture(5), [], id="same picture"),
        pytest.param(
            _picture(5),
            _picture(6),
            [("pixels.by-one", Kind.CHANGED)],
            id="nearly the same picture",
        ),
        pytest.param(
            _picture(5), _picture(99), [("pixels.by-many", Kind.CHANGED)], id="another picture"
        ),
        pytest.param(
            _picture(5), _picture(5, (2, 3)), [("pixels.shape", Kind.CHANGED)], id="another size"
        ),
    ],
)
def test_bodies(orthanc: Any, nephele: Any, expected: list[tuple[str, Kind]]) -> None:
    found = compare(_observe(orthanc), _observe(nephele))
    assert [(difference.path, difference.kind) for difference in found] == expected


def test_status_says_it_all() -> None:
    (difference,) = compare(_observe({}), _observe({"OrthancStatus": 3}, 400, **JSON))
    assert (difference.path, difference.nephele) == ("status", "'400, code 3 '")


def test_names_of_private_elements_are_all_alike() -> None:
    route = "GET /instances/{instance}/simplified-tags"
    orthanc = _observe({"PatientID": "1", "Odd": "1"}, route=route)
    nephele = _observe({"PatientID": "2", "Queer": "1"}, route=route)
    paths = [difference.path for difference in compare(orthanc, nephele)]
    assert paths == ["$.(no keyword)", "$.PatientID", "$.(no keyword)"]


def test_table_is_used_up() -> None:
    used = Intended("GET /x", r"\$\.a", Kind.CHANGED, "meant", nephele="2")
    stale = Intended("GET /x", r"\$\.b", Kind.CHANGED, "never seen")
    found = report([_observe({"a": 1, "c": 1})], [_observe({"a": 2, "c": 2})], [used, stale])
    assert [difference.path for difference in found.unmeant] == ["$.c"]
    assert found.stale == (stale,)


def test_answer_of_one_side_alone_is_a_difference() -> None:
    (difference,) = report([_observe({})], [], []).unmeant
    assert (difference.path, difference.kind) == ("answer", Kind.MISSING)
