"""Fields of bodies that say how a job is done, and the answers of routes that submit one."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from nephele.domain.jobs import Job
from nephele.errors import BadFileFormat
from nephele.rest.answers import JSON, json_answer
from nephele.rest.files import file_answer
from nephele.rest.limits import redirect
from nephele.rest.revision_headers import attached_answer
from nephele.rest.styled_json import styled
from nephele.services.archive import Archive
from nephele.services.jobs.kinds import KINDS
from nephele.services.jobs.received import shown
from nephele.services.jobs.submit import JobOptions, run_or_wait
from nephele.services.revisions import Revision


def job_options(body: Mapping[str, Any], *, is_synchronous: bool = True) -> JobOptions:
    """Return how a body wants a job to be done.

    `Synchronous` wins over `Asynchronous`; a body with neither gets the route's own default.

    Raises
    ------
    BadFileFormat
        A field has another type than Orthanc's.
    """
    if "Synchronous" in body:
        is_synchronous = _flag(body, "Synchronous", default=True)
    elif "Asynchronous" in body:
        is_synchronous = not _flag(body, "Asynchronous", default=False)
    priority = body.get("Priority", 0)
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise BadFileFormat("Integer expected in field: Priority")
    return JobOptions(
        synchronous=is_synchronous,
        priority=priority,
        permissive=_flag(body, "Permissive", default=False),
        user_data=body.get("UserData"),
    )


def _flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadFileFormat(f"Boolean expected in field: {name}")
    return value


def answer_job(request: Request, archive: Archive, job: Job, options: JobOptions) -> Response:
    """Answer with a job that was submitted: where it is, or if synchronous what became of it.

    One that takes longer than a call may is gone on with by `/jobs/{id}/wait`, where the client
    is sent.

    Raises
    ------
    NepheleError
        The job was waited for, and failed.
    """
    if not options.synchronous:
        return json_answer(_reference(job))
    return answer_awaited(request, archive, run_or_wait(archive, job))


def answer_awaited(request: Request, archive: Archive, job: Job) -> Response:
    """Answer with a job that was waited for: with what a hidden one wrote, else its content."""
    if job.state.is_final and job.output and KINDS[job.job_type].has_body:
        size_bytes = archive.bucket.head(job.output).size_bytes
        return file_answer(request, archive, job.output, size_bytes, "", JSON)
    if job.state.is_final and job.is_hidden and job.output:
        return json_answer(orjson.loads(archive.bucket.read(job.output)))
    if job.state.is_final and KINDS[job.job_type].has_revision:
        return attached_answer(Revision(*job.position["Revision"]))
    if job.state.is_final:
        return json_answer(shown(archive, job.content))
    answer = redirect(request.scope, f"/jobs/{job.identifier}/wait")
    return Response(
        styled(_reference(job)),
        HTTPStatus.SEE_OTHER,
        headers=dict(answer.headers) | {"Retry-After": "1"},
        media_type=JSON,
    )


def _reference(job: Job) -> dict[str, str]:
    return {"ID": job.identifier, "Path": f"/jobs/{job.identifier}"}
