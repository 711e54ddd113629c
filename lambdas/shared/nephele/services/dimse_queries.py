"""What REST asks the edge to ask others for: C-FIND, C-MOVE and C-GET."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nephele.aws import clock
from nephele.domain.attributes import main_attributes
from nephele.domain.dicom_json import TagFormat
from nephele.domain.jobs import Document, Job
from nephele.domain.levels import Level
from nephele.domain.query_keys import Query, retrieve_keys, shown_query, unique_keys
from nephele.errors import BadRequest
from nephele.services.archive import Archive
from nephele.services.dimse_calls import DESCRIPTION, Call
from nephele.services.jobs.submit import JobOptions, submit


def submit_query(
    archive: Archive, call: Call, level: Level, query: Query, *, is_normalized: bool = True
) -> Job:
    """Ask for a C-FIND whose answers are kept as a query."""
    identifier = clock.new_uuid()
    request = call.request(
        ID=identifier,
        Name=call.name,
        Level=level.value,
        Query=query,
        Original=query,
        Normalize=is_normalized,
    )
    content = {"ID": identifier, "Path": f"/queries/{identifier}"}
    return submit(archive, "DicomFind", request, content=content)


def submit_find(archive: Archive, call: Call, level: Level, query: Query) -> Job:
    """Ask for a C-FIND whose answers are told at once: Orthanc's old way."""
    template = find_template(level)
    request = call.request(Level=level.value, Query={**template, **query}, Normalize=True)
    return submit(archive, "DicomFind", request)


def submit_tree(archive: Archive, call: Call, query: Query) -> Job:
    """Ask for patients, their studies, and their series, all in one answer."""
    levels = (Level.PATIENT, Level.STUDY, Level.SERIES)
    templates = {level.value: find_template(level) for level in levels}
    request = call.request(
        Level=Level.PATIENT.value,
        Query={**templates[Level.PATIENT.value], **query},
        Normalize=True,
        Templates=templates,
    )
    return submit(archive, "DicomFind", request)


def find_template(level: Level) -> Query:
    """Return a query for all that is usually known at a level."""
    return dict.fromkeys(
        [*(attribute.tag for attribute in main_attributes(level)), *unique_keys(level)], ""
    )


def submit_worklist(archive: Archive, call: Call, query: Query, tag_format: TagFormat) -> Job:
    """Ask for modality worklist items."""
    request = call.request(Query=query, Format=tag_format.value)
    return submit(archive, "DicomFindWorklist", request)


def submit_retrieve(
    archive: Archive,
    call: Call,
    level: Level,
    queries: Sequence[Mapping[str, Any]],
    options: JobOptions,
    *,
    target_aet: str | None,
    tag_format: TagFormat = TagFormat.SHORT,
    sop_classes: Sequence[str] = (),
) -> Job:
    """Ask for a C-MOVE of resources, or without a target for a C-GET.

    Parameters
    ----------
    queries : sequence of mappings
        For each resource the keys that name it, by tag; others are not passed on.

    Raises
    ------
    BadRequest
        A key is missing.
    """
    keys = retrieve_keys(level)
    named = [{key: _required(query, key) for key in keys} for query in queries]
    request = call.request(Level=level.value, Queries=named, SOPClassesInStudy=list(sop_classes))
    content: Document = {
        "Description": DESCRIPTION,
        "Details": [],
        "LocalAet": call.calling_aet(archive),
        "RemoteAet": call.modality.aet,
        "Query": [shown_query(query, level, tag_format) for query in queries],
    }
    if target_aet is None:
        return submit(archive, "DicomGetScu", request, options, content)
    request["TargetAet"] = content["TargetAet"] = target_aet
    return submit(archive, "DicomMoveScu", request, options, content)


def _required(query: Mapping[str, Any], key: str) -> str:
    value = query.get(key)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"A retrieval at this level needs the tag {key}")
    return value
