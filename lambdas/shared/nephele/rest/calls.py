"""Bodies of requests that make the edge call a modality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from nephele.domain.levels import Level, level_named
from nephele.errors import BadFileFormat, ParameterOutOfRange
from nephele.services.archive import Archive
from nephele.services.dimse_calls import Call
from nephele.services.modalities import require_modality
from nephele.settings.modality import Modality


def json_body(body: bytes, *, default: object = None) -> Any:
    """Return a body as JSON; the default where it is empty.

    Raises
    ------
    BadFileFormat
        It is no JSON.
    """
    if not body.strip():
        return default
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadFileFormat("The body is not JSON") from None


def json_object_body(body: bytes, *, default: object = None) -> dict[str, Any]:
    """Return a body that is a JSON object, as `json_body`."""
    value = json_body(body, default=default)
    if not isinstance(value, dict):
        raise BadFileFormat("The body must contain a JSON object")
    return value


def call_of(
    archive: Archive, name: str, body: Mapping[str, Any], *, modality: Modality | None = None
) -> Call:
    """Return the call a body describes: `LocalAet` and `Timeout`.

    Raises
    ------
    InexistentItem
        There is no such modality.
    BadFileFormat
        A field has another type than Orthanc's.
    """
    if modality is None:
        modality = require_modality(archive, name)
    return Call(name, modality, text_of(body, "LocalAet"), timeout_of(body))


def timeout_of(body: Mapping[str, Any]) -> int | None:
    """Return the field `Timeout`, None where it is absent; BadFileFormat if it is no number."""
    value = body.get("Timeout")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadFileFormat("Positive integer expected in field: Timeout")
    return value


def text_of(body: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return a field that holds text; BadFileFormat if it holds something else."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadFileFormat(f"String expected in field: {name}")
    return value


def level_of(body: Mapping[str, Any]) -> Level:
    """Return the field `Level`.

    Raises
    ------
    BadFileFormat
        It is missing, or no text.
    ParameterOutOfRange
        It is no level.
    """
    if "Level" not in body:
        raise BadFileFormat("The JSON body must contain field Level")
    level = level_named(text_of(body, "Level"))
    if level is None:
        raise ParameterOutOfRange("Level: there is no such level")
    return level
