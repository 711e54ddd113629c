"""Routes that reconstruct: their bodies, and what they answer when a job does it."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request
from starlette.responses import Response

from nephele.domain.orthanc_id import OrthancId
from nephele.errors import BadRequest
from nephele.rest.answers import empty_answer
from nephele.rest.bodies import boolean_field, json_object_of
from nephele.rest.job_arguments import answer_awaited
from nephele.services.archive import Archive
from nephele.services.reconstruct_job import reconstruct_by_job


def reconstruct_options(body: str) -> bool:
    """Return the field `LimitToThisLevelMainDicomTags` of a body, which may be empty.

    Raises
    ------
    BadRequest
        It is no JSON object, or files shall be written anew.
    """
    options = json_object_of(body) if body.strip() else {}
    if boolean_field(options, "ReconstructFiles"):
        raise BadRequest("ReconstructFiles: files are never written anew")
    return boolean_field(options, "LimitToThisLevelMainDicomTags")


def answer_reconstruction(
    request: Request, archive: Archive, ids: Sequence[OrthancId] | None
) -> Response:
    """Reconstruct resources, None for all there are, by a job; answer nothing when it is over."""
    job = reconstruct_by_job(archive, ids)
    return empty_answer() if job.state.is_final else answer_awaited(request, archive, job)
