"""DynamoDB's rows, parsed past botocore's walk over its model of the service.

botocore goes through each attribute of each row with the shape it has in the service's model, only
to find what it was given: the same dictionaries, with binary values decoded. For a hundred rows
that takes longer than the request. Everything else is parsed as ever.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson
from botocore.parsers import JSONParser, ResponseParserFactory

if TYPE_CHECKING:
    from botocore.model import Shape
    from botocore.parsers import ResponseParser

_BINARY = b'"B'
"""What every answer holds that has binary values, and some others."""
_ROWS = frozenset({"QueryOutput", "GetItemOutput", "BatchGetItemOutput"})


class QuickRows(ResponseParserFactory):  # type: ignore[misc, unused-ignore]
    """Makes the parsers of a session's clients."""

    def create_parser(self, protocol_name: str) -> ResponseParser:
        """Return the parser of a protocol."""
        return _Parser() if protocol_name == "json" else super().create_parser(protocol_name)


class _Parser(JSONParser):  # type: ignore[misc, unused-ignore]
    def _handle_json_body(self, raw_body: bytes, shape: Shape) -> Any:
        if shape.name not in _ROWS:
            return super()._handle_json_body(raw_body, shape)  # type: ignore[misc]
        return parse_rows(raw_body)


def parse_rows(raw_body: bytes) -> Any:
    """Parse what a read is answered."""
    answer = orjson.loads(raw_body)
    if _BINARY not in raw_body:
        return answer
    _decode_rows(answer.get("Items", ()))
    _decode_rows([answer["Item"]] if "Item" in answer else ())
    for rows in answer.get("Responses", {}).values():
        _decode_rows(rows)
    return answer


def _decode_rows(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        for value in row.values():
            if "S" not in value and "N" not in value:
                _decode(value)


def _decode(value: dict[str, Any]) -> None:
    """Decode what is binary within an attribute, in place."""
    for kind, content in value.items():
        if kind == "B":
            value[kind] = base64.b64decode(content)
        elif kind == "BS":
            value[kind] = [base64.b64decode(one) for one in content]
        elif kind == "M":
            _decode_rows((content,))
        elif kind == "L":
            for one in content:
                _decode(one)
