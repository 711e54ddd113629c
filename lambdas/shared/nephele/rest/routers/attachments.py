"""`/{level}/{id}/attachments`."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.content_type import DICOM
from nephele.domain.levels import ORDER, Level
from nephele.errors import UnknownResource
from nephele.rest.answers import empty_answer, json_answer, nothing, text_answer
from nephele.rest.arguments import arguments_of
from nephele.rest.bodies import SpooledBody
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.files import file_answer, stored_answer
from nephele.rest.level_routes import add_route
from nephele.rest.limits import ANSWER_LIMIT
from nephele.rest.parameters import takes, takes_body
from nephele.rest.ranges import MEDIA_TYPE, asked_range, partial_answer
from nephele.rest.revision_headers import expected_revision, unchanged, with_revision
from nephele.services.archive import Archive
from nephele.services.attachments import (
    AttachedFile,
    attach,
    attached_files,
    content_names,
    content_number,
    describe_attachment,
    detach,
    find_attachment,
    is_intact,
    stored_md5,
)
from nephele.services.hierarchy import require_resource
from nephele.services.plain_files import plain_key
from nephele.services.storage_compression import change_compression

router = APIRouter(route_class=DeferredRoute)

_OPERATIONS = (
    "compress",
    "compressed-data",
    "compressed-md5",
    "compressed-size",
    "data",
    "info",
    "is-compressed",
    "md5",
    "size",
    "uncompress",
    "verify-md5",
)

Show = Callable[[Request, Archive, AttachedFile], Response]


def _get_list(level: Level) -> Callable[[Request, OpenArchive, str], Response]:
    def get_list(request: Request, archive: OpenArchive, identifier: str) -> Response:
        names = content_names(archive)
        resource = require_resource(archive, level, identifier)
        numbers = [one.content_type for one in attached_files(archive, resource)]
        if "full" in arguments_of(request):
            return json_answer({names.name(number): number for number in numbers})
        return json_answer([names.name(number) for number in numbers])

    return get_list


def _get(show: Show) -> Callable[[Request, OpenArchive, str, str], Response]:
    """Return an endpoint that shows an attachment, with its revision."""

    def get(request: Request, archive: OpenArchive, identifier: str, name: str) -> Response:
        found = find_attachment(archive, identifier, content_number(archive, name))
        answer = unchanged(request, found.revision) or show(request, archive, found)
        return with_revision(answer, found.revision)

    return get


def _show_operations(_: Request, __: Archive, found: AttachedFile) -> Response:
    has_md5 = {"md5": bool(found.file.md5), "compressed-md5": bool(stored_md5(found.file))}
    return json_answer([name for name in _OPERATIONS if has_md5.get(name, True)])


def _show_info(_: Request, __: Archive, found: AttachedFile) -> Response:
    return json_answer(describe_attachment(found))


def _show_size(_: Request, __: Archive, found: AttachedFile) -> Response:
    return text_answer(str(found.file.size_bytes))


def _show_compressed_size(_: Request, __: Archive, found: AttachedFile) -> Response:
    return text_answer(str(found.file.stored_bytes))


def _show_md5(_: Request, __: Archive, found: AttachedFile) -> Response:
    return text_answer(found.file.md5) if found.file.md5 else nothing()


def _show_compressed_md5(_: Request, __: Archive, found: AttachedFile) -> Response:
    md5 = stored_md5(found.file)
    return text_answer(md5) if md5 else nothing()


def _show_is_compressed(_: Request, __: Archive, found: AttachedFile) -> Response:
    return text_answer("1" if found.file.is_compressed else "0")


def _show_data(request: Request, archive: Archive, found: AttachedFile) -> Response:
    media_type = content_names(archive).media_type(found.content_type)
    filename = _filename(request, found)
    asked = asked_range(request, found.file.size_bytes)
    if asked is None:
        return stored_answer(request, archive, found.file, filename, media_type)
    key = plain_key(archive.bucket, found.file)
    if _is_too_large(request, asked):
        size_bytes = found.file.size_bytes
        return file_answer(request, archive, key, size_bytes, filename, media_type)
    content = archive.bucket.open_range(key, *asked)
    return partial_answer(content, asked[0], found.file.size_bytes)


def _show_compressed_data(request: Request, archive: Archive, found: AttachedFile) -> Response:
    file = found.file
    asked = asked_range(request, file.stored_bytes)
    if asked is not None and not _is_too_large(request, asked):
        content = archive.bucket.open_range(file.key, *asked)
        return partial_answer(content, asked[0], file.stored_bytes)
    filename = arguments_of(request).get("filename", "")
    return file_answer(request, archive, file.key, file.stored_bytes, filename, MEDIA_TYPE)


def _is_too_large(request: Request, asked: tuple[int, int]) -> bool:
    limit = request.scope.get(ANSWER_LIMIT)
    return limit is not None and asked[1] - asked[0] > limit


def _filename(request: Request, found: AttachedFile) -> str:
    ending = ".dcm" if found.content_type == DICOM else ""
    return arguments_of(request).get("filename") or f"{found.file.uuid}{ending}"


def _put_one(
    request: Request, archive: OpenArchive, identifier: str, name: str, body: SpooledBody
) -> Response:
    number, expected = content_number(archive, name), expected_revision(request)
    revision = attach(archive, identifier, number, body, expected)
    return with_revision(_done(), revision)


def _delete_one(request: Request, archive: OpenArchive, identifier: str, name: str) -> Response:
    number, expected = content_number(archive, name), expected_revision(request)
    detach(archive, identifier, number, expected)
    return empty_answer()


def _change(*, is_compressed: bool) -> Callable[[OpenArchive, str, str], Response]:
    def change(archive: OpenArchive, identifier: str, name: str) -> Response:
        number = content_number(archive, name)
        change_compression(archive, identifier, number, is_compressed=is_compressed)
        return _done()

    return change


def _post_verify(archive: OpenArchive, identifier: str, name: str) -> Response:
    """Answer an empty 400 where there is nothing to compare, too, as Orthanc does."""
    number = content_number(archive, name)
    try:
        found = find_attachment(archive, identifier, number)
    except UnknownResource:
        return _unverified()
    return _done() if found.file.md5 and is_intact(archive, found) else _unverified()


def _unverified() -> Response:
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def _done() -> Response:
    return Response(b"{}", headers={"Content-Type": "application/json"})


_SHOWN: dict[str, tuple[Show, str]] = {
    "": (_show_operations, "List operations on an attachment of one {name}"),
    "/compressed-data": (_show_compressed_data, "Get an attachment as stored, of one {name}"),
    "/compressed-md5": (_show_compressed_md5, "Get the MD5 of what is stored, of one {name}"),
    "/compressed-size": (_show_compressed_size, "Get the size of what is stored, of one {name}"),
    "/data": (_show_data, "Get an attachment of one {name}"),
    "/info": (_show_info, "Get info about an attachment of one {name}"),
    "/is-compressed": (_show_is_compressed, "Is an attachment of one {name} compressed?"),
    "/md5": (_show_md5, "Get the MD5 of an attachment of one {name}"),
    "/size": (_show_size, "Get the size of an attachment of one {name}"),
}
_BODY = takes_body("application/octet-stream", "The file")

for _level in ORDER:
    _one = "attachments/{name}"
    add_route(
        router,
        _level,
        "attachments",
        _get_list(_level),
        "List attachments of one {name}",
        extra=takes("full"),
    )
    for _path, (_show, _summary) in _SHOWN.items():
        _arguments = takes("filename") if _path.endswith("data") else None
        add_route(
            router, _level, _one + _path, _get(_show), _summary, errors=(400, 404), extra=_arguments
        )
    for _verb, _path, _endpoint, _summary in (
        ("PUT", "", _put_one, "Attach a file to one {name}"),
        ("DELETE", "", _delete_one, "Delete an attachment of one {name}"),
        ("POST", "/compress", _change(is_compressed=True), "Compress an attachment of one {name}"),
        (
            "POST",
            "/uncompress",
            _change(is_compressed=False),
            "Uncompress an attachment of one {name}",
        ),
        ("POST", "/verify-md5", _post_verify, "Verify an attachment of one {name}"),
    ):
        add_route(
            router,
            _level,
            _one + _path,
            _endpoint,
            _summary,
            verb=_verb,
            errors=(400, 403, 404, 409),
            extra=_BODY if _verb == "PUT" else None,
        )
