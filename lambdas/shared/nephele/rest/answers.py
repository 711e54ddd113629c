"""The table of answers: which HTTP status, Orthanc code and text each error gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from nephele import errors
from nephele.rest.styled_json import styled
from nephele.settings.limits import RESTORE_SECONDS

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One row: `code` and `text` are Orthanc's; without a code the body is empty.

    `retry_seconds` is what a 503 says of when to try again.
    """

    status: HTTPStatus
    code: int | None = None
    text: str = ""
    retry_seconds: int = 1


INTERNAL_ERROR = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, -1, "Internal error")
UNKNOWN_RESOURCE = Answer(HTTPStatus.NOT_FOUND, 17, "Unknown resource")
BAD_REQUEST = Answer(HTTPStatus.BAD_REQUEST, 8, "Bad request")
_BAD_FILE = Answer(HTTPStatus.BAD_REQUEST, 15, "Bad file format")
_UNAVAILABLE = "The database is currently not available (probably a transient situation)"
_INCOMPATIBLE = "Incompatible format of the images"
_NETWORK_PROTOCOL = "Error in the network protocol"
_SERIALIZE = (
    "Database could not serialize access due to concurrent update, the transaction should be"
    " retried"
)

ANSWERS: dict[type[errors.NepheleError], Answer] = {
    errors.NepheleError: INTERNAL_ERROR,
    errors.BadRequest: BAD_REQUEST,
    errors.ParameterOutOfRange: Answer(HTTPStatus.BAD_REQUEST, 3, "Parameter out of range"),
    errors.BadParameterType: Answer(HTTPStatus.BAD_REQUEST, 5, "Bad type for a parameter"),
    errors.BadJson: BAD_REQUEST,
    errors.EmptyRequest: _BAD_FILE,
    errors.BudgetExhausted: BAD_REQUEST,
    errors.AnswerTooLarge: Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 8, "Bad request"),
    errors.BadFileFormat: _BAD_FILE,
    errors.FileTooLarge: Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 15, "Bad file format"),
    errors.MissingIdentifier: Answer(HTTPStatus.NOT_FOUND, 21, "Inexistent tag"),
    errors.IdentifierMismatch: _BAD_FILE,
    errors.NotTranscodable: Answer(HTTPStatus.NOT_FOUND, 23, _INCOMPATIBLE),
    errors.NothingToTranscode: Answer(HTTPStatus.NOT_FOUND, 23, _INCOMPATIBLE),
    errors.UnsupportedImage: Answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    errors.UnorderedSeries: Answer(
        HTTPStatus.BAD_REQUEST, 2040, "Unable to order the slices of the series"
    ),
    errors.IncompatibleImages: Answer(HTTPStatus.BAD_REQUEST, 23, _INCOMPATIBLE),
    errors.UnknownResource: UNKNOWN_RESOURCE,
    errors.InexistentItem: Answer(HTTPStatus.NOT_FOUND, 7, "Accessing an inexistent item"),
    errors.Unauthorized: Answer(HTTPStatus.UNAUTHORIZED),
    errors.Forbidden: Answer(HTTPStatus.FORBIDDEN, 45, "Access to a resource is forbidden"),
    errors.ConfigurationError: INTERNAL_ERROR,
    errors.StorageFull: Answer(HTTPStatus.INSUFFICIENT_STORAGE, 19, "The file storage is full"),
    errors.NetworkProtocol: Answer(HTTPStatus.INTERNAL_SERVER_ERROR, 9, _NETWORK_PROTOCOL),
    errors.QueryRefused: Answer(HTTPStatus.UNPROCESSABLE_ENTITY, 9, _NETWORK_PROTOCOL),
    errors.NoPresentationContext: Answer(
        HTTPStatus.INTERNAL_SERVER_ERROR, 2015, "Unable to find a suitable presentation context"
    ),
    errors.FindUnavailable: Answer(
        HTTPStatus.INTERNAL_SERVER_ERROR, 2016, "The remote modality offers no C-FIND"
    ),
    errors.MoveUnavailable: Answer(
        HTTPStatus.INTERNAL_SERVER_ERROR, 2017, "The remote modality offers no C-MOVE"
    ),
    errors.GetUnavailable: Answer(
        HTTPStatus.INTERNAL_SERVER_ERROR, 2045, "The remote modality offers no C-GET"
    ),
    errors.BadSequenceOfCalls: Answer(HTTPStatus.INTERNAL_SERVER_ERROR, 6, "Bad sequence of calls"),
    errors.JobCanceled: Answer(HTTPStatus.INTERNAL_SERVER_ERROR, 37, "This job was canceled"),
    errors.BadRange: Answer(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 41, "Incorrect range request"
    ),
    errors.ReadOnlyItem: Answer(HTTPStatus.FORBIDDEN),
    errors.BadRevision: Answer(
        HTTPStatus.CONFLICT,
        43,
        "A bad revision number was provided, which might indicate conflict between multiple"
        " writers",
    ),
    errors.BeingRestored: Answer(HTTPStatus.SERVICE_UNAVAILABLE, 36, _UNAVAILABLE, RESTORE_SECONDS),
    errors.Conflict: Answer(HTTPStatus.SERVICE_UNAVAILABLE, 42, _SERIALIZE),
    errors.Unavailable: Answer(HTTPStatus.SERVICE_UNAVAILABLE, 36, _UNAVAILABLE),
    errors.CorruptedFile: Answer(
        HTTPStatus.INTERNAL_SERVER_ERROR, 20, "Corrupted file (e.g. inconsistent MD5 hash)"
    ),
}
"""Every class of `nephele.errors`, and what Orthanc answers in its place (its error codes)."""

_HEADERS: dict[HTTPStatus, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Basic realm="Orthanc Secure Area"'},
}


_EXPECTED = (
    errors.NetworkProtocol,
    errors.NoPresentationContext,
    errors.FindUnavailable,
    errors.MoveUnavailable,
    errors.GetUnavailable,
    errors.BadSequenceOfCalls,
    errors.JobCanceled,
    errors.BeingRestored,
)


def is_expected(exc: Exception) -> bool:
    """Tell whether an error is answered with a 5xx, as Orthanc does, and nothing is wrong here.

    Another archive does not answer or refuses, a job was cancelled, an object is on its way.
    """
    return isinstance(exc, _EXPECTED)


def answer_to(exc: Exception) -> Answer:
    """Return the row of an error: its own class's, else the nearest parent's."""
    for kind in type(exc).__mro__:
        if kind in ANSWERS:
            return ANSWERS[kind]
    return INTERNAL_ERROR


def error_response(
    answer: Answer,
    *,
    method: str,
    uri: str,
    is_described: bool,
    details: str = "",
    extra: Mapping[str, object] | None = None,
) -> Response:
    """Render an error as Orthanc does: JSON with tabs, under `text/plain`.

    Parameters
    ----------
    is_described : bool
        Orthanc's `HttpDescribeErrors`; without it the body is empty.
    extra : Mapping, optional
        Members that Orthanc does not have.
    """
    headers = dict(_HEADERS.get(answer.status, {}))
    if answer.status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(answer.retry_seconds)
    if answer.code is None or not is_described:
        return Response(status_code=answer.status, headers=headers)
    body: dict[str, object] = {
        "HttpError": _REASONS.get(answer.status, answer.status.phrase),
        "HttpStatus": int(answer.status),
        "Message": answer.text,
        "Method": method,
        "OrthancError": answer.text,
        "OrthancStatus": answer.code,
        "Uri": uri,
        **(extra or {}),
    }
    if details:
        body["Details"] = details
    described = {**headers, "Content-Type": "text/plain"}
    return Response(styled(body, "\t") + "\n", answer.status, headers=described)


_REASONS = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request Entity Too Large"}


def json_answer(value: object) -> Response:
    """Answer with JSON in Orthanc's style."""
    return Response(styled(value), media_type=JSON)


def text_answer(text: str) -> Response:
    """Answer with plain text; `text/plain` without a character set, as Orthanc has it."""
    return Response(text.encode(), headers={"Content-Type": "text/plain"})


def empty_answer() -> Response:
    """Answer that there is nothing to say: 200 and no bytes."""
    return text_answer("")


def nothing() -> Response:
    """Answer that a handler found nothing: 404 and no bytes."""
    return Response(status_code=HTTPStatus.NOT_FOUND)


def forbidden() -> Response:
    """Answer that nobody may do this here: 403 and no bytes."""
    return Response(status_code=HTTPStatus.FORBIDDEN)
