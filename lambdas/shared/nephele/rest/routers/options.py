"""`/tools/…`: options that are asked for and changed while the system runs."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from nephele.domain.sop_classes import accepted_sop_classes
from nephele.domain.transfer_syntax import accepted_transfer_syntaxes
from nephele.errors import BadFileFormat
from nephele.logs import Category
from nephele.rest.answers import empty_answer, json_answer, text_answer
from nephele.rest.bodies import BOOLEANS, TextBody, boolean_of
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails, takes_body
from nephele.services import overrides

router = APIRouter(prefix="/tools", tags=["Tools"], route_class=DeferredRoute)

_FLAG = takes_body("text/plain", "`0` or `1`", {"type": "string", "enum": list(BOOLEANS)})
_LEVEL = takes_body(
    "text/plain", "The level", {"type": "string", "enum": ["default", "verbose", "trace"]}
)
_SYNTAXES = takes_body(
    "application/json",
    "UIDs, with `*` and `?`: an array, one string, or plain text",
    {"oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]},
)


def _flag_answer(*, is_set: bool) -> Response:
    return text_answer("1" if is_set else "0")


@router.get("/default-encoding", summary="Get default encoding")
def get_default_encoding(archive: OpenArchive) -> Response:
    """Return the encoding of files that declare none."""
    return text_answer(overrides.in_force(archive).default_encoding)


@router.put(
    "/default-encoding",
    summary="Set default encoding",
    responses=fails(400),
    openapi_extra=takes_body("text/plain", "One of Orthanc's names, in any case"),
)
def put_default_encoding(archive: OpenArchive, body: TextBody) -> Response:
    """Change the encoding of files that declare none; main DICOM tags stay as they are."""
    return text_answer(overrides.set_default_encoding(archive, body))


@router.get("/accepted-transfer-syntaxes", summary="Get accepted transfer syntaxes")
def get_accepted_transfer_syntaxes(archive: OpenArchive) -> Response:
    """Return the UIDs of what is accepted over DICOM."""
    return json_answer(accepted_transfer_syntaxes(overrides.in_force(archive)))


@router.put(
    "/accepted-transfer-syntaxes",
    summary="Set accepted transfer syntaxes",
    responses=fails(400),
    openapi_extra=_SYNTAXES,
)
def put_accepted_transfer_syntaxes(archive: OpenArchive, body: TextBody) -> Response:
    """Accept these and no others from the next association on; return what is accepted."""
    return json_answer(overrides.set_accepted_transfer_syntaxes(archive, _patterns(body)))


def _patterns(body: str) -> tuple[str, ...]:
    """Return the wildcards of a body: JSON, else plain text."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None if body.strip() in ("", "null") else body.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = body.strip()
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list) or not all(isinstance(one, str) for one in patterns):
        raise BadFileFormat("UIDs of transfer syntaxes are expected")
    return tuple(patterns)


@router.get("/accepted-sop-classes", summary="Get accepted SOPClassUID")
def get_accepted_sop_classes(archive: OpenArchive) -> Response:
    """Return the UIDs of the storage classes that are accepted over DICOM, sorted."""
    return json_answer(sorted(accepted_sop_classes(archive.configuration)))


@router.get("/unknown-sop-class-accepted", summary="Is unknown SOP class accepted?")
def get_unknown_sop_class_accepted(archive: OpenArchive) -> Response:
    """Tell whether classes that are in no dictionary are accepted over DICOM."""
    return _flag_answer(is_set=overrides.in_force(archive).unknown_sop_class_accepted)


@router.put(
    "/unknown-sop-class-accepted",
    summary="Set unknown SOP class accepted",
    responses=fails(400),
    openapi_extra=_FLAG,
)
def put_unknown_sop_class_accepted(archive: OpenArchive, body: TextBody) -> Response:
    """Accept or refuse classes that are in no dictionary, from the next association on."""
    overrides.set_unknown_sop_class_accepted(archive, is_accepted=boolean_of(body))
    return empty_answer()


@router.get("/metrics", summary="Are metrics collected?")
def get_metrics(archive: OpenArchive) -> Response:
    """Tell whether `/tools/metrics-prometheus` says anything."""
    return _flag_answer(is_set=overrides.in_force(archive).metrics_enabled)


@router.put(
    "/metrics",
    summary="Enable collection of metrics",
    responses=fails(400),
    openapi_extra=_FLAG,
)
def put_metrics(archive: OpenArchive, body: TextBody) -> Response:
    """Let `/tools/metrics-prometheus` tell its figures, or nothing."""
    overrides.set_metrics_enabled(archive, is_enabled=boolean_of(body))
    return empty_answer()


def _get_log_level(category: Category | None) -> Callable[[OpenArchive], Response]:
    def get_log_level(archive: OpenArchive) -> Response:
        return text_answer(overrides.log_level(archive, category))

    return get_log_level


def _put_log_level(category: Category | None) -> Callable[[OpenArchive, TextBody], Response]:
    def put_log_level(archive: OpenArchive, body: TextBody) -> Response:
        overrides.set_log_level(archive, body, category)
        return empty_answer()

    return put_log_level


for _category in (None, *Category):
    _name = "log-level" if _category is None else f"log-level-{_category}"
    _what = "main log level" if _category is None else f"log level for `{_category}`"
    router.add_api_route(
        f"/{_name}",
        _get_log_level(_category),
        methods=["GET"],
        summary=f"Get {_what}",
        name=f"get-{_name}",
        response_model=None,
    )
    router.add_api_route(
        f"/{_name}",
        _put_log_level(_category),
        methods=["PUT"],
        summary=f"Set {_what}",
        name=f"put-{_name}",
        response_model=None,
        responses=fails(400),
        openapi_extra=_LEVEL,
    )
