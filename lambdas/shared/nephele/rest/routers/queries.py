"""`/queries`: what other archives answered, and retrieving it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.dicom_json import TagFormat
from nephele.domain.levels import ORDER, Level
from nephele.domain.query_keys import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SOP_CLASSES_IN_STUDY,
    STUDY_INSTANCE_UID,
    format_query,
    parse_query,
    texts,
)
from nephele.errors import BadFileFormat, BadParameterType, UnknownResource
from nephele.rest.answers import empty_answer, json_answer, text_answer
from nephele.rest.arguments import arguments_of, flag, unsigned
from nephele.rest.bodies import RawBody
from nephele.rest.calls import call_of, json_body, json_object_body, text_of
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.fields import format_fields
from nephele.rest.formats import data_set_format
from nephele.rest.job_arguments import answer_job, job_options
from nephele.rest.parameters import FORMATS, fails, takes, takes_body
from nephele.services import dimse_queries, queries
from nephele.services.archive import Archive
from nephele.services.jobs.submit import JobOptions
from nephele.services.queries import KeptQuery

router = APIRouter(prefix="/queries", tags=["Networking"], route_class=DeferredRoute)

_OPERATIONS = ("answers", "level", "modality", "query", "retrieve")
_BELOW = {"studies": Level.STUDY, "series": Level.SERIES, "instances": Level.INSTANCE}
_LISTED = {
    Level.STUDY: "query-study",  # Orthanc's list, not the name of the route
    Level.SERIES: "query-series",
    Level.INSTANCE: "query-instances",
}
_PARENT_KEYS = {
    Level.PATIENT: (PATIENT_ID,),
    Level.STUDY: (STUDY_INSTANCE_UID,),
    Level.SERIES: (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID),
}
_WAITING = JobOptions(synchronous=True)
_METHODS = ("C-MOVE", "C-GET", "SystemDefault")
_RETRIEVE_BODY = takes_body(
    "application/json", "The target's AE title as text, or an object with `TargetAet`"
)


@router.get("", summary="List query/retrieve operations")
def get_queries(archive: OpenArchive) -> Response:
    """List the queries that are kept, by their ids."""
    return json_answer(queries.list_queries(archive))


@router.get("/{identifier}", summary="List operations on a query", responses=fails(404))
def get_query(archive: OpenArchive, identifier: str) -> Response:
    """List what can be done with a query."""
    queries.require_query(archive, identifier)
    return json_answer(_OPERATIONS)


@router.delete("/{identifier}", summary="Delete a query")
def delete_query(archive: OpenArchive, identifier: str) -> Response:
    """Forget a query and its answers."""
    queries.forget_query(archive, identifier)
    return empty_answer()


@router.get("/{identifier}/level", summary="Get level of original query", responses=fails(404))
def get_level(archive: OpenArchive, identifier: str) -> Response:
    """Return `Patient`, `Study`, `Series` or `Instance`."""
    return text_answer(queries.require_query(archive, identifier).level)


@router.get(
    "/{identifier}/modality", summary="Get modality of original query", responses=fails(404)
)
def get_modality(archive: OpenArchive, identifier: str) -> Response:
    """Return the symbolic name of who was asked."""
    return text_answer(queries.require_query(archive, identifier).modality)


@router.get(
    "/{identifier}/query",
    summary="Get original query arguments",
    responses=fails(404),
    openapi_extra=takes(*FORMATS),
)
def get_arguments(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return the keys of the query as they were given."""
    tag_format = data_set_format(arguments_of(request))
    query = queries.require_query(archive, identifier)
    return json_answer(format_query(query.query, tag_format))


@router.get(
    "/{identifier}/answers",
    summary="List answers to a query",
    responses=fails(404),
    openapi_extra=takes("expand", *FORMATS),
)
def get_answers(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """List the numbers of the answers, or show the answers."""
    query = queries.require_query(archive, identifier)
    arguments = arguments_of(request)
    if flag(arguments, "expand"):
        tag_format = data_set_format(arguments)
        return json_answer(list(queries.iter_answers(archive, query, tag_format)))
    return json_answer([str(number) for number in range(query.count)])


@router.get(
    "/{identifier}/answers/{index}",
    summary="List operations on an answer",
    responses=fails(400, 404),
)
def get_answer(archive: OpenArchive, identifier: str, index: str) -> Response:
    """List what can be done with an answer."""
    query, _ = _answer(archive, identifier, index)
    below = ORDER[ORDER.index(Level(query.level)) + 1 :]
    return json_answer(["content", "retrieve", *(_LISTED[level] for level in below)])


@router.get(
    "/{identifier}/answers/{index}/content",
    summary="Get one answer",
    responses=fails(400, 404),
    openapi_extra=takes(*FORMATS),
)
def get_content(request: Request, archive: OpenArchive, identifier: str, index: str) -> Response:
    """Show an answer."""
    tag_format = data_set_format(arguments_of(request))
    return json_answer(_answer(archive, identifier, index, tag_format)[1])


def _answer(
    archive: Archive, identifier: str, index: str, tag_format: TagFormat = TagFormat.SHORT
) -> tuple[KeptQuery, dict[str, Any]]:
    query = queries.require_query(archive, identifier)
    return query, queries.require_answer(archive, query, unsigned(index), tag_format)


@router.post(
    "/{identifier}/answers/{index}/query-{collection}",
    summary="Query the children of an answer",
    responses=fails(400, 404),
    openapi_extra=takes_body("application/json", "`Query`, `Timeout`"),
)
def post_query_below(
    request: Request,
    archive: OpenArchive,
    identifier: str,
    index: str,
    collection: str,
    body: RawBody,
) -> Response:
    """Ask the same modality for what is below an answer."""
    query, answer = _answer(archive, identifier, index)
    level, wanted = Level(query.level), _BELOW.get(collection)
    if wanted is None or ORDER.index(wanted) <= ORDER.index(level):
        raise UnknownResource("")
    fields = json_object_body(body, default={})
    keys = parse_query(fields.get("Query", {})) | texts(answer, _PARENT_KEYS[level])
    call = call_of(archive, query.modality, fields)
    job = dimse_queries.submit_query(archive, call, wanted, keys)
    return answer_job(request, archive, job, _WAITING)


@router.post(
    "/{identifier}/retrieve",
    summary="Retrieve all answers with C-MOVE SCU or C-GET SCU",
    responses=fails(400, 404),
    openapi_extra=_RETRIEVE_BODY,
)
def post_retrieve(
    request: Request, archive: OpenArchive, identifier: str, body: RawBody
) -> Response:
    """Retrieve everything that was found."""
    query = queries.require_query(archive, identifier)
    answers = list(queries.iter_answers(archive, query, TagFormat.SHORT))
    return _retrieve(request, archive, query, answers, body)


@router.post(
    "/{identifier}/answers/{index}/retrieve",
    summary="Retrieve one answer with a C-MOVE or a C-GET SCU",
    responses=fails(400, 404),
    openapi_extra=_RETRIEVE_BODY,
)
def post_retrieve_answer(
    request: Request, archive: OpenArchive, identifier: str, index: str, body: RawBody
) -> Response:
    """Retrieve one of what was found."""
    query, answer = _answer(archive, identifier, index)
    return _retrieve(request, archive, query, [answer], body)


def _retrieve(
    request: Request,
    archive: Archive,
    query: KeptQuery,
    answers: Sequence[dict[str, Any]],
    body: bytes,
) -> Response:
    fields = _retrieve_fields(body)
    call = call_of(archive, query.modality, fields)
    method = text_of(fields, "RetrieveMethod", call.modality.retrieve_method)
    if method not in _METHODS:
        raise BadFileFormat("RetrieveMethod is C-MOVE, C-GET or SystemDefault")
    if method == "SystemDefault":
        method = archive.configuration.dicom_default_retrieve_method
    target = text_of(fields, "TargetAet") or archive.configuration.dicom_aet
    options = job_options(fields)
    classes = (str(answer.get(SOP_CLASSES_IN_STUDY) or "").split("\\") for answer in answers)
    job = dimse_queries.submit_retrieve(
        archive,
        call,
        Level(query.level),
        answers,
        options,
        target_aet=target if method == "C-MOVE" else None,
        tag_format=_query_format(fields),
        sop_classes=sorted({uid for uids in classes for uid in uids if uid}),
    )
    return answer_job(request, archive, job, options)


def _retrieve_fields(body: bytes) -> dict[str, Any]:
    """Bring all forms of the body to an object."""
    text = body.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return {"TargetAet": text.strip('"')} if text else {}
    value = json_body(body)
    if not isinstance(value, dict):
        raise BadParameterType("The body must contain a JSON object")
    return value


def _query_format(fields: dict[str, Any]) -> TagFormat:
    asked = any(name in fields for name in ("Simplify", "Short", "Full"))
    return format_fields(fields) if asked else TagFormat.SHORT
