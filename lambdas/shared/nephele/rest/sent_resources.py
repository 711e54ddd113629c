"""Bodies that name what is sent to another archive: an id, an array of ids, or an object."""

from __future__ import annotations

from typing import Any

from nephele.errors import BadFileFormat
from nephele.rest.calls import json_body


def resources_object(body: bytes) -> dict[str, Any]:
    """Bring all forms of a body to an object.

    Raises
    ------
    BadFileFormat
        It is empty, or an object without `Resources`.
    """
    text = body.decode("utf-8", "replace").strip()
    if not text:
        raise BadFileFormat("Must provide a JSON value")
    try:
        value = json_body(body)
    except BadFileFormat:
        value = text
    if isinstance(value, dict):
        if "Resources" not in value:
            raise BadFileFormat("The JSON body must contain field Resources")
        return value
    return {"Resources": [value] if isinstance(value, str) else value}


def resource_ids(value: object) -> list[str]:
    """Return the ids of a field `Resources`.

    Raises
    ------
    BadFileFormat
        It holds anything else.
    """
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadFileFormat("Array of strings expected in field: Resources")
    return value
