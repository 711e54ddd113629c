"""Reading as much of the index as a call may; what needs more goes on as a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response

from nephele.errors import BudgetExhausted
from nephele.rest.answers import json_answer
from nephele.rest.limits import ANSWER_LIMIT
from nephele.services.archive import Archive
from nephele.services.metering import metered
from nephele.settings.limits import FIND_READ_UNITS, FIND_SECONDS

Read = Callable[[Archive, Mapping[str, Any]], list[Any]]
"""What an answer is read by: it takes the archive, and what is asked for as a job keeps it."""


def answer_within_call(
    request: Request, archive: Archive, read: Read, name: str, asked: dict[str, Any]
) -> Response:
    """Answer with what is read; where the platform limits calls, within a budget, or by a job.

    Parameters
    ----------
    name : str
        What the job knows `read` by: see `nephele.rest.find_job`.
    """
    if ANSWER_LIMIT not in request.scope:
        return json_answer(read(archive, asked))
    try:
        with metered(archive, FIND_READ_UNITS, FIND_SECONDS) as (counted, _):
            return json_answer(read(counted, asked))
    except BudgetExhausted:
        from nephele.rest.find_job import continue_as_job  # others need nothing of jobs

        return continue_as_job(request, archive, {name: asked})
