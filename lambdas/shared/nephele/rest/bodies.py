"""Bodies of requests: spooled files, parts of forms, JSON under any content type."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO

import orjson
from fastapi import Depends, Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from nephele.domain.full_disk import full_disk_translated
from nephele.errors import BadFileFormat, BadJson, BadRequest
from nephele.services.archive_members import new_spool

_PART_SPOOL_BYTES = 256 << 10
"""Bytes of one part of a form that are held in memory: a form may have thousands."""


@dataclass(frozen=True, slots=True)
class UploadedFiles:
    """What a POST brought, each file at its beginning."""

    files: list[BinaryIO]
    is_form: bool
    is_gzip: bool


async def uploaded_files(request: Request) -> AsyncIterator[UploadedFiles]:
    """Receive a body, or each part of a form, into temporary files that end with the request."""
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    is_gzip = request.headers.get("content-encoding", "").strip().lower() == "gzip"
    with ExitStack() as stack:
        boundary = options.get(b"boundary", b"")
        if content_type.lower() == b"multipart/form-data" and boundary:
            files = await _receive_form(request, boundary, stack)
            yield UploadedFiles(files, is_form=True, is_gzip=False)
        else:
            file = await _receive(request, stack)
            yield UploadedFiles([file], is_form=False, is_gzip=is_gzip)


async def _receive(request: Request, stack: ExitStack) -> BinaryIO:
    spool = stack.enter_context(new_spool())
    with full_disk_translated():
        async for chunk in request.stream():
            spool.write(chunk)
        spool.seek(0)
    return spool


async def _receive_form(request: Request, boundary: bytes, stack: ExitStack) -> list[BinaryIO]:
    files: list[BinaryIO] = []

    def begin() -> None:
        files.append(stack.enter_context(new_spool(_PART_SPOOL_BYTES)))

    def write(data: bytes, start: int, stop: int) -> None:
        files[-1].write(data[start:stop])

    try:
        parser = MultipartParser(boundary, {"on_part_begin": begin, "on_part_data": write})
        with full_disk_translated():
            async for chunk in request.stream():
                parser.write(chunk)
        parser.finalize()
    except MultipartParseError as exc:
        raise BadRequest("The form cannot be parsed") from exc
    for file in files:
        file.seek(0)
    return files


async def raw_body(request: Request) -> bytes:
    """Receive a body that is small."""
    return await request.body()


async def spooled_body(request: Request) -> AsyncIterator[BinaryIO]:
    """Receive a body of any size into a temporary file that ends with the request."""
    with ExitStack() as stack:
        yield await _receive(request, stack)


async def text_body(request: Request) -> str:
    """Receive a body as text."""
    return (await request.body()).decode("utf-8", "replace")


async def json_object(request: Request) -> dict[str, Any]:
    """Receive a JSON object, whatever the content type says.

    Raises
    ------
    BadJson
        The body is anything else.
    """
    return json_object_of(await request.body())


async def optional_object(request: Request) -> dict[str, Any]:
    """Receive a JSON object; no body at all is an empty one. Raises as `json_object`."""
    return json_object_of(await request.body() or b"{}")


def json_object_of(body: bytes | str) -> dict[str, Any]:
    """Return a body that is a JSON object.

    Raises
    ------
    BadJson
        It is anything else.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise BadJson("The body must contain a JSON object")
    return value


_BOOLEANS = {"0": False, "1": True, "false": False, "true": True}
BOOLEANS = tuple(_BOOLEANS)


def boolean_of(body: str) -> bool:
    """Return a body that is a Boolean: `0`, `1`, `true` or `false`.

    Raises
    ------
    BadFileFormat
        It is anything else.
    """
    try:
        return _BOOLEANS[body.strip()]
    except KeyError:
        raise BadFileFormat("Boolean value expected") from None


def boolean_field(body: Mapping[str, Any], name: str) -> bool:
    """Return a field of a JSON object, false where it is absent.

    Raises
    ------
    BadFileFormat
        It is no boolean.
    """
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadFileFormat(f"Boolean expected in field: {name}")
    return value


Uploaded = Annotated[UploadedFiles, Depends(uploaded_files)]
JsonObject = Annotated[dict[str, Any], Depends(json_object)]
RawBody = Annotated[bytes, Depends(raw_body)]
SpooledBody = Annotated[BinaryIO, Depends(spooled_body)]
OptionalObject = Annotated[dict[str, Any], Depends(optional_object)]
TextBody = Annotated[str, Depends(text_body)]
