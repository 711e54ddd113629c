"""`/jobs`: work that outlives the request that asked for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele import errors
from nephele.aws import clock
from nephele.domain.jobs import Job, JobState
from nephele.errors import NepheleError, UnknownResource
from nephele.rest.answers import ANSWERS, INTERNAL_ERROR, empty_answer, json_answer, nothing
from nephele.rest.archive_answers import made_answer
from nephele.rest.arguments import arguments_of, flag
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.job_arguments import answer_awaited
from nephele.rest.parameters import fails, takes
from nephele.services.archive import Archive
from nephele.services.archives.answer import kept_archive
from nephele.services.jobs import control
from nephele.services.jobs.received import shown
from nephele.services.jobs.submit import wait_for

router = APIRouter(prefix="/jobs", tags=["Jobs"], route_class=DeferredRoute)

_LEAST_PROGRESS = 0.01
"""Below that the time a job will take is anybody's guess."""


@router.get("", summary="List jobs", responses=fails(400), openapi_extra=takes("expand"))
def get_jobs(request: Request, archive: OpenArchive) -> Response:
    """List the jobs that are under way and the last completed ones, by their ids."""
    if flag(arguments_of(request), "expand"):
        return json_answer([_render(archive, job) for job in control.expand_jobs(archive)])
    return json_answer(control.list_jobs(archive))


@router.get("/{identifier}", summary="Get job", responses=fails(404))
def get_job(archive: OpenArchive, identifier: str) -> Response:
    """Describe a job."""
    try:
        return json_answer(_render(archive, control.get_job(archive, identifier)))
    except UnknownResource:
        return nothing()


@router.delete("/{identifier}", summary="Delete a job from history", responses=fails(404))
def delete_job(archive: OpenArchive, identifier: str) -> Response:
    """Remove a completed job and what it made."""
    control.delete_job(archive, identifier)
    return empty_answer()


@router.get("/{identifier}/wait", summary="Wait for a job", responses=fails(400, 404))
def get_wait(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Answer as the call that submitted the job would have, had it had the time."""
    return answer_awaited(request, archive, wait_for(archive, identifier))


@router.get("/{identifier}/{key}", summary="Get job output", responses=fails(404))
def get_output(request: Request, archive: OpenArchive, identifier: str, key: str) -> Response:
    """Download what a job made."""
    return made_answer(
        request, archive, kept_archive(archive, control.output(archive, identifier, key))
    )


@router.delete("/{identifier}/{key}", summary="Delete a job output", responses=fails(404))
def delete_output(archive: OpenArchive, identifier: str, key: str) -> Response:
    """Remove what a job made."""
    control.delete_output(archive, identifier, key)
    return empty_answer()


def _add_action(verb: str, summary: str, act: Callable[[Archive, str], bool | None]) -> None:
    def post_action(archive: OpenArchive, identifier: str) -> Response:
        try:
            is_refused = act(archive, identifier) is False
        except UnknownResource:
            is_refused = True
        return Response(status_code=HTTPStatus.BAD_REQUEST) if is_refused else json_answer({})

    router.add_api_route(
        f"/{{identifier}}/{verb}",
        post_action,
        methods=["POST"],
        summary=summary,
        name=f"post_{verb}",
        response_model=None,
        responses=fails(400),
    )


_add_action("pause", "Pause job", control.pause)
_add_action("resume", "Resume job", control.resume)
_add_action("cancel", "Cancel job", control.cancel)
_add_action("resubmit", "Resubmit job", control.resubmit)


def _render(archive: Archive, job: Job) -> dict[str, Any]:
    """Return Orthanc's description of a job."""
    answer = ANSWERS.get(getattr(errors, job.error, NepheleError), INTERNAL_ERROR)
    is_failure = job.state is JobState.FAILURE
    code, text = (answer.code or -1, answer.text) if is_failure else (0, "Success")
    rendered: dict[str, Any] = {
        "ID": job.identifier,
        "Type": job.job_type,
        "State": job.state.value,
        "Priority": job.priority,
        "Progress": round(job.progress * 100),
        "EffectiveRuntime": round(job.runtime_seconds, 3),
        "CreationTime": job.created,
        "Timestamp": clock.now(),
        "ErrorCode": code,
        "ErrorDescription": text or INTERNAL_ERROR.text,
        "ErrorDetails": job.error_details if is_failure else "",
        "Content": shown(archive, job.content),
    }
    if is_failure and job.error_payload is not None:
        rendered["ErrorPayload"] = shown(archive, job.error_payload)
    if job.user_data is not None:
        rendered["UserData"] = job.user_data
    if job.state.is_final:
        rendered["CompletionTime"] = job.completed
    if job.state is JobState.RUNNING and job.progress > _LEAST_PROGRESS:
        rendered["EstimatedTimeOfArrival"] = _arrival(job)
    return rendered


def _arrival(job: Job) -> str:
    seconds = job.runtime_seconds / job.progress * (1 - job.progress)
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime(clock.FORMAT)
