"""What a request for an archive says: arguments of a GET, fields of a POST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import Request

from nephele.errors import BadFileFormat, BadRequest, ParameterOutOfRange
from nephele.rest.arguments import arguments_of, flag, words
from nephele.rest.job_arguments import job_options
from nephele.rest.transcoding_arguments import lossy_quality, transfer_syntax_argument
from nephele.services.jobs.submit import JobOptions

_UNWANTED_IN_NAMES = str.maketrans("", "", '\r\n"')
_RESOURCES = "Expected a list of strings (Orthanc identifiers)"


@dataclass(frozen=True, slots=True)
class ArchiveArguments:
    """How an archive is wanted.

    Attributes
    ----------
    resources : tuple of str
        Ids, where the path names none.
    is_extended : bool or None
        None for what the path is for.
    is_utf8 : bool or None
        None for what the configuration says.
    """

    resources: tuple[str, ...] = ()
    filename: str = ""
    transcode: str = ""
    lossy_quality: int | None = None
    is_extended: bool | None = None
    is_utf8: bool | None = None
    options: JobOptions = field(default_factory=JobOptions)


def get_arguments(request: Request, *, is_batch: bool) -> ArchiveArguments:
    """Return what a GET says.

    Raises
    ------
    BadRequest
        It lacks the resources.
    ParameterOutOfRange, BadParameterType
        As `transfer_syntax_argument` and `lossy_quality`.
    """
    arguments = arguments_of(request)
    if is_batch and "resources" not in arguments:
        raise BadRequest("Missing argument: resources")
    transcode = arguments.get("transcode", "")
    return ArchiveArguments(
        resources=words(arguments.get("resources", ""), ","),
        filename=_file_name(arguments.get("filename", "")),
        transcode=transfer_syntax_argument(transcode) if "transcode" in arguments else "",
        lossy_quality=lossy_quality(arguments),
        is_extended=flag(arguments, "extended") if "extended" in arguments else None,
    )


def post_arguments(content: bytes, *, is_batch: bool) -> ArchiveArguments:
    """Return what the body of a POST says: an object, or an array of ids.

    Raises
    ------
    BadFileFormat
        It is no JSON, or a field has another type than Orthanc's.
    ParameterOutOfRange
        There is no such transfer syntax, or no such quality.
    """
    body = _json(content)
    if isinstance(body, list):
        return ArchiveArguments(resources=_resources(body) if is_batch else ())
    if not isinstance(body, dict):
        if is_batch:
            raise BadFileFormat(_RESOURCES)
        body = {}
    if is_batch and "Resources" not in body:
        raise BadFileFormat("Missing field Resources in the JSON body")
    return ArchiveArguments(
        resources=_resources(body["Resources"]) if is_batch else (),
        filename=_file_name(_text(body, "Filename")),
        transcode=transfer_syntax_argument(_text(body, "Transcode")) if "Transcode" in body else "",
        lossy_quality=_quality(body),
        is_extended=_flag(body, "Extended"),
        is_utf8=_flag(body, "Utf8"),
        options=job_options(body),
    )


def _json(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as exc:
        raise BadFileFormat("The body must be JSON") from exc


def _resources(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadFileFormat(_RESOURCES)
    for one in value:
        if not isinstance(one, str):
            raise BadFileFormat(_RESOURCES)
    return tuple(value)


def _file_name(text: str) -> str:
    return text.translate(_UNWANTED_IN_NAMES)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise BadFileFormat(f"String value expected in field: {name}")
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if name in body and not isinstance(value, bool):
        raise BadFileFormat(f"Boolean value expected in field: {name}")
    return value


def _quality(body: Mapping[str, Any]) -> int | None:
    if "LossyQuality" not in body:
        return None
    value = body["LossyQuality"]
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadFileFormat("Integer value expected in field: LossyQuality")
    if not 1 <= value <= 100:
        raise ParameterOutOfRange("The quality of lossy transcoding is between 1 and 100")
    return value
