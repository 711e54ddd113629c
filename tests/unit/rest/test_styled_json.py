"""JSON in Orthanc's style."""

from __future__ import annotations

import json

import pytest

from nephele.rest.styled_json import iter_styled, iter_styled_items, styled

CASES = {
    "empty containers stay on their line": ({"a": [], "b": {}}, '{\n   "a" : [],\n   "b" : {}\n}'),
    "keys are sorted": ({"b": 1, "a": None}, '{\n   "a" : null,\n   "b" : 1\n}'),
    "a filled container begins a line": ({"a": [1]}, '{\n   "a" : \n   [\n      1\n   ]\n}'),
    "containers in arrays": ([{"a": True}], '[\n   {\n      "a" : true\n   }\n]'),
    "an empty answer": ([], "[]"),
    "everything but ASCII is escaped": ("é😀\n\\", '"\\u00e9\\ud83d\\ude00\\n\\\\"'),
    "false": (False, "false"),
    "a fraction": (1.5, "1.5"),
}


@pytest.mark.parametrize(("value", "text"), CASES.values(), ids=CASES.keys())
def test_style(value: object, text: str) -> None:
    assert styled(value) == text
    assert json.loads(text) == value


def test_tab_indent() -> None:
    assert styled({"a": 1}, "\t") == '{\n\t"a" : 1\n}'


@pytest.mark.parametrize("value", [[], [1], [[], {}, [[2]], {"a": {"b": [3]}}, "x\ny"]])
def test_pieces_of_an_array_are_the_whole(value: list[object]) -> None:
    assert "".join(iter_styled_items(value)) == styled(value)
    members = {str(n): item for n, item in enumerate(value)}
    assert "".join(iter_styled(members.items())) == styled(members)
