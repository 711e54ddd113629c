"""Rows are parsed as botocore parses them, and objects are kept as long as there is room."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.parsers import ResponseParserFactory
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from nephele.aws.object_cache import ObjectCache
from nephele.aws.quick_rows import QuickRows

_MODEL = Session().get_service_model("dynamodb")
_leaves = st.one_of(
    st.builds(lambda text: {"S": text}, st.text()),
    st.builds(lambda number: {"N": str(number)}, st.integers()),
    st.builds(lambda encoded: {"B": encoded}, st.sampled_from(["", "AAEC", "/+8="])),
    st.builds(lambda encoded: {"BS": encoded}, st.lists(st.sampled_from(["AAEC", "/+8="]))),
    st.just({"BOOL": True}),
    st.just({"NULL": True}),
    st.builds(lambda texts: {"SS": texts}, st.lists(st.text())),
)
_values = st.recursive(
    _leaves,
    lambda nested: st.one_of(
        st.builds(lambda content: {"M": content}, st.dictionaries(st.text(), nested)),
        st.builds(lambda content: {"L": content}, st.lists(nested)),
    ),
    max_leaves=8,
)
_rows = st.dictionaries(st.text(), _values)


def _parse(factory: ResponseParserFactory, operation: str, body: dict[str, Any]) -> Any:
    shape = _MODEL.operation_model(operation).output_shape
    response = {"body": json.dumps(body).encode(), "headers": {}, "status_code": 200}
    return factory.create_parser("json").parse(response, shape)


@given(st.lists(_rows, max_size=3))
def test_rows_are_parsed_alike(rows: list[dict[str, Any]]) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "Query": {"Items": rows, "Count": 1, "LastEvaluatedKey": {"pk": {"S": "x"}}},
        "BatchGetItem": {"Responses": {"table": rows}, "UnprocessedKeys": {}},
        "GetItem": {"Item": rows[0]} if rows else {},
    }
    for operation, body in bodies.items():
        ours, theirs = (_parse(f(), operation, body) for f in (QuickRows, ResponseParserFactory))
        assert ours == theirs


def test_errors_and_other_answers_are_botocores() -> None:
    shape = _MODEL.operation_model("Query").output_shape
    response = {
        "body": b'{"__type": "x#ThrottlingException", "message": "slow"}',
        "headers": {},
        "status_code": 400,
    }
    answer = QuickRows().create_parser("json").parse(response, shape)
    assert answer["Error"] == {"Message": "slow", "Code": "ThrottlingException"}
    listed = _parse(QuickRows(), "ListTables", {"TableNames": ["a"]})
    assert listed["TableNames"] == ["a"]


def test_what_was_used_last_is_kept() -> None:
    cache = ObjectCache(80)
    for name in "abcdefgh":
        cache.put(name, bytes(10))
    assert cache.get("a") == bytes(10)
    cache.put("i", bytes(10))
    assert cache.get("b") is None
    assert cache.get("a") is not None
    assert cache.get("i") is not None


@pytest.mark.parametrize("size", [0, 79])
def test_what_is_too_large_is_not_kept(size: int) -> None:
    cache = ObjectCache(size)
    cache.put("a", bytes(10))
    assert cache.get("a") is None
