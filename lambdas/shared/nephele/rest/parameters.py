"""The query arguments of GET requests, and what routes answer besides success, for OpenAPI."""

from __future__ import annotations

from typing import Any

_FLAG = {"type": "string", "enum": ["", "0", "1", "false", "true"]}
_PRESENCE = {"type": "string", "description": "its presence is enough"}
_TEXT = {"type": "string"}
_DECIMAL = {"type": "number"}
_NUMBER = {"type": "integer", "minimum": 0}

_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "compress": (_FLAG, "A compressed file, `.npz`"),
    "expand": (_FLAG, "Whole resources instead of ids"),
    "extended": (_PRESENCE, "More in the DICOMDIR"),
    "filename": (_TEXT, "Name of the file in `Content-Disposition`"),
    "full": (_PRESENCE, "Tags by number, with names and types"),
    "height": (_NUMBER, "The most rows the picture may have; its ratio is kept"),
    "ignore-length": (_TEXT, "Tags shown however long their values are, separated by commas"),
    "last": (_PRESENCE, "The latest alone"),
    "level": ({"type": "string", "enum": ["patient", "study", "series", "instance"]}, "Level"),
    "limit": (_NUMBER, "The most items to return; 0 is no limit"),
    "lossy-quality": (
        {"type": "integer", "minimum": 1, "maximum": 100},
        "Of lossy transfer syntaxes; `DicomLossyTranscodingQuality` by default",
    ),
    "numeric": (_FLAG, "Numbers instead of names"),
    "quality": ({"type": "integer", "minimum": 1, "maximum": 100}, "Quality of JPEG, 90"),
    "response-content": (_TEXT, "Members of resources to show, separated by semicolons"),
    "requested-tags": (_TEXT, "More tags to show, separated by semicolons"),
    "resources": (_TEXT, "Ids of resources, separated by commas"),
    "rescale": (_FLAG, "Values of the modality, in single precision: so by default"),
    "returnUnsupportedImage": (_FLAG, "A redirect to a picture instead of a status 415"),
    "short": (_PRESENCE, "Tags by number, values alone"),
    "simplify": (_PRESENCE, "Tags by name, values alone"),
    "smooth": (_FLAG, "Blur the picture before it is made smaller"),
    "since": (_NUMBER, "Only what comes behind this number, or this many items"),
    "to": (_NUMBER, "Only changes up to this number; without `since`, the latest of them"),
    "transcode": (_TEXT, "UID of the transfer syntax"),
    "type": (_TEXT, "Types of changes, separated by semicolons; `all` of them"),
    "width": (_NUMBER, "The most columns the picture may have; its ratio is kept"),
    "window-center": (_DECIMAL, "Instead of WindowCenter (0028,1050)"),
    "window-width": (_DECIMAL, "Instead of WindowWidth (0028,1051)"),
    "whole": (_FLAG, "What stands behind the pixel data too"),
}

FORMATS = ("simplify", "short", "full")
"""How tags are shown, the first one wins."""

_ERRORS = {
    400: "The request is malformed; the body is Orthanc's description of the error",
    403: "It is not allowed here",
    404: "There is no such resource or item",
    409: "Another revision is there than the one to be changed",
    413: "It is too large for one answer",
    416: "There are no such bytes",
    415: "The pixels are none, or cannot be rendered",
    503: "The archive is busy: try again",
    507: "The archive is full",
}


def takes(*names: str) -> dict[str, Any]:
    """Return what a route adds to its OpenAPI description: its query arguments."""
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "allowEmptyValue": True,
                "schema": _PARAMETERS[name][0],
                "description": _PARAMETERS[name][1],
            }
            for name in names
        ]
    }


def takes_body(
    media_type: str, description: str, schema: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what a route adds to its OpenAPI description: the body it wants."""
    content = {media_type: {"schema": schema or _TEXT}}
    return {
        "requestBody": {"description": description, "required": True, "content": content},
    }


def fails(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route: the errors it knows."""
    return {status: {"description": _ERRORS[status]} for status in (*statuses, 503)}
