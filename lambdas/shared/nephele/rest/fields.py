"""Fields of JSON bodies, each checked for its type; an error names the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from nephele.domain.dicom_json import TagFormat
from nephele.errors import BadFileFormat, BadRequest, ParameterOutOfRange

Body = Mapping[str, Any]


def text_field(body: Body, name: str, default: str | None = None) -> str:
    """Return a field that holds text.

    Raises
    ------
    BadRequest
        It holds something else, or is missing and has no default.
    """
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadRequest(f'Field "{name}" is missing, or should be a string')
    return value


def flag_field(body: Body, name: str, *, default: bool = False) -> bool:
    """Return a field that holds a Boolean; BadRequest if it holds something else."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadRequest(f'Field "{name}" should be a Boolean')
    return value


def count_field(body: Body, name: str) -> int:
    """Return a field that holds a number that is not negative, 0 where it is absent.

    Raises
    ------
    BadRequest
        It holds something else.
    ParameterOutOfRange
        It is negative.
    """
    value = body.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequest(f'Field "{name}" should be an integer')
    if value < 0:
        raise ParameterOutOfRange(f'Field "{name}" should be a positive integer')
    return value


def texts_field(body: Body, name: str) -> tuple[str, ...]:
    """Return a field that holds an array of texts; BadRequest if it holds something else."""
    value = body.get(name, [])
    if not _is_texts(value):
        raise BadRequest(f'Field "{name}" should be an array of strings')
    return tuple(value)


def resources_field(body: Body) -> tuple[str, ...]:
    """Return the field `Resources`, which holds ids.

    Raises
    ------
    BadFileFormat
        It is missing or holds something else: Orthanc's answer.
    """
    value = body.get("Resources")
    if not _is_texts(value):
        raise BadFileFormat('Field "Resources" is missing, or should be an array of strings')
    return tuple(value)


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def object_field(body: Body, name: str, *, is_required: bool = False) -> dict[str, Any]:
    """Return a field that holds an object; BadRequest if it holds something else."""
    value = body.get(name, None if is_required else {})
    if not isinstance(value, dict):
        raise BadRequest(f'Field "{name}" is missing, or should be a JSON object')
    return value


_BY_PRECEDENCE = {
    "Simplify": TagFormat.HUMAN,
    "Short": TagFormat.SHORT,
    "Full": TagFormat.FULL,
}


def format_fields(body: Body) -> TagFormat:
    """Return the format `Simplify`, `Short` and `Full` ask for, names by default.

    Raises
    ------
    BadFileFormat
        One of them is no Boolean: Orthanc's answer.
    """
    for name in _BY_PRECEDENCE:
        if not isinstance(body.get(name, False), bool):
            raise BadFileFormat(f"Boolean value expected in field: {name}")
    asked = (kind for name, kind in _BY_PRECEDENCE.items() if body.get(name, False))
    return next(asked, TagFormat.HUMAN)
