"""Answers of `/tools/find` and `/tools/count-resources`: within a call, and as a job.

A search that would read more than one call may goes on as a job: `nephele.rest.find_job`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fastapi import Request
from starlette.responses import Response

from nephele.domain.find_query import FindQuery, Source
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import BadRequest, BudgetExhausted, ParameterOutOfRange
from nephele.rest.answers import json_answer
from nephele.rest.fields import Body, flag_field, format_fields, texts_field
from nephele.rest.find_body import is_case_sensitive, parse_find
from nephele.services.archive import Archive
from nephele.services.find import find
from nephele.services.hierarchy import resources_in_order
from nephele.services.metadata import metadata_names
from nephele.services.metering import metered
from nephele.services.resources_view import View, describe
from nephele.services.response_content import Content, describe_content
from nephele.settings.limits import FIND_READ_UNITS, FIND_SECONDS

Found = Mapping[str, object] | Sequence[object]
"""What is answered: ids or descriptions, or a document that tells more."""

_NORMALIZED = frozenset(
    {
        *("0010,0020", "0010,0010", "0010,0030", "0020,000d", "0008,0050", "0008,1030"),
        *("0008,0020", "0020,000e", "0008,0018"),
    }
)
"""Orthanc's identifier tags, which its database compares without case."""


def answer_find(request: Request, archive: Archive, body: Body, *, is_count: bool) -> Response:
    """Answer a search; one that takes long goes on as a job, to whose end the client is sent."""
    try:
        return json_answer(search(archive, body, FIND_READ_UNITS, FIND_SECONDS, is_count=is_count))
    except BudgetExhausted:
        from nephele.rest.find_job import continue_as_job  # other searches need nothing of jobs

        return continue_as_job(request, archive, {"Body": body, "Count": is_count})


def search(
    archive: Archive, body: Body, read_units: float, seconds: float, *, is_count: bool
) -> Found:
    """Return what a search answers.

    Raises
    ------
    BudgetExhausted
        It would read more than it is allowed here.
    """
    answer = _count if is_count else _find
    return answer(archive, body, read_units, seconds)


def _find(archive: Archive, body: Body, read_units: float, seconds: float) -> Found:
    asked = parse_find(body, metadata_names(archive), is_case_sensitive=is_case_sensitive(body))
    query = _with_limits(archive, asked)
    _require_countable(query, body)
    view = View(format_fields(body), texts_field(body, "RequestedTags"))
    content = _content(body)
    is_expanded, is_explained = flag_field(body, "Expand"), flag_field(body, "Explain")
    with metered(archive, read_units, seconds) as (counted, meter):
        found = find(counted, query)
        answers: Sequence[object] = found.ids
        if content is not None or is_expanded:
            answers = _expand(counted, found.ids, view, content)
    if not is_explained:
        return answers
    explained = {
        "Index": found.index,
        "ItemsRead": meter.items,
        "ReadUnits": meter.units,
        "Budget": {"ReadUnits": meter.most_units, "Seconds": meter.most_seconds},
    }
    return {"Answers": answers, "Explain": explained}


def _count(archive: Archive, body: Body, read_units: float, seconds: float) -> Found:
    if is_case_sensitive(body):
        raise ParameterOutOfRange('Field "CaseSensitive" cannot be true when counting')
    asked = parse_find(body, metadata_names(archive), is_case_sensitive=False)
    query = replace(asked, since=0, limit=0, order=())
    if query.constraints_of(Source.HEADER):
        raise BadRequest("Only main DICOM tags can be counted by")
    with metered(archive, read_units, seconds) as (counted, _):
        return {"Count": len(find(counted, query).ids)}


def _expand(
    archive: Archive, ids: Sequence[OrthancId], view: View, content: frozenset[Content] | None
) -> list[dict[str, object]]:
    resources = resources_in_order(archive, ids)
    if content is None:
        return describe(archive, resources, view)
    return describe_content(archive, resources, view, content)


def _with_limits(archive: Archive, query: FindQuery) -> FindQuery:
    """Apply `LimitFindInstances` or `LimitFindResults`: a search without a limit has that one."""
    configuration = archive.configuration
    is_instance = query.level is Level.INSTANCE
    most = configuration.limit_find_instances if is_instance else configuration.limit_find_results
    return replace(query, limit=min(query.limit or most, most)) if most else query


def _require_countable(query: FindQuery, body: Body) -> None:
    """Refuse `Since` where Orthanc's database could not decide what is left out."""
    is_folded = is_case_sensitive(body) and any(one.tag in _NORMALIZED for one in query.constraints)
    if query.since and (is_folded or query.constraints_of(Source.HEADER)):
        raise BadRequest('Field "Since" needs a query on main DICOM tags that ignores case')


def _content(body: Body) -> frozenset[Content] | None:
    if "ResponseContent" not in body:
        return None
    names = texts_field(body, "ResponseContent")
    try:
        return frozenset(Content(name) for name in names if name not in ("ID", "Type"))
    except ValueError:
        raise ParameterOutOfRange('Field "ResponseContent" has a name there is not') from None
