"""Routes that reconstruct: their bodies, and what they answer when a job does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from nephele.domain.orthanc_id import OrthancId
from nephele.errors import BadRequest
from nephele.rest.answers import empty_answer
from nephele.rest.bodies import boolean_field, json_object_of
from nephele.rest.job_arguments import answer_awaited
from nephele.services.archive import Archive
from nephele.services.reconstruct_job import reconstruct_by_job


@dataclass(frozen=True, slots=True)
class ReconstructOptions:
    """Orthanc's `LimitToThisLevelMainDicomTags` and `ReconstructFiles`."""

    is_this_level_alone: bool
    has_files: bool


def reconstruct_options(archive: Archive, body: str) -> ReconstructOptions:
    """Return the fields of a body, which may be empty.

    Raises
    ------
    BadRequest
        It is no JSON object, or files would become other instances.
    BadFileFormat
        A field is no Boolean.
    """
    options = json_object_of(body) if body.strip() else {}
    has_files = boolean_field(options, "ReconstructFiles")
    if has_files:
        _require_lossless(archive.configuration.ingest_transcoding or "")
    return ReconstructOptions(boolean_field(options, "LimitToThisLevelMainDicomTags"), has_files)


def _require_lossless(transfer_syntax_uid: str) -> None:
    from nephele.domain.transcoding import makes_new_instance

    if makes_new_instance(transfer_syntax_uid):
        raise BadRequest("ReconstructFiles: IngestTranscoding is lossy, and would make instances")


def answer_reconstruction(
    request: Request, archive: Archive, ids: Sequence[OrthancId] | None, *, has_files: bool
) -> Response:
    """Reconstruct resources, None for all there are, by a job; answer nothing when it is over."""
    job = reconstruct_by_job(archive, ids, has_files=has_files)
    return empty_answer() if job.state.is_final else answer_awaited(request, archive, job)
