"""A search, or a list, as a job: one step, with a larger budget than one call has."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from nephele.aws.keys import answer_key
from nephele.rest.bulk import read_bulk
from nephele.rest.find_answers import search
from nephele.rest.job_arguments import answer_awaited
from nephele.rest.listing import list_resources
from nephele.rest.within_call import Read
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import JobOptions, submit, wait_for
from nephele.services.metering import metered
from nephele.settings.limits import FIND_JOB_READ_UNITS, FIND_JOB_SECONDS

_READ: dict[str, Read] = {"List": list_resources, "Bulk": read_bulk}
_PATIENCE_SECONDS = 3.0
"""What is left of a call that has searched in vain."""


def continue_as_job(request: Request, archive: Archive, asked: dict[str, Any]) -> Response:
    """Let a job search, and send the client to its end.

    Parameters
    ----------
    asked : dict
        `Body` of a search and whether it is a `Count`, or what `answer_within_call` names.
    """
    job = submit(archive, "Find", asked, JobOptions(synchronous=False))
    return answer_awaited(request, archive, wait_for(archive, job.identifier, _PATIENCE_SECONDS))


def run(archive: Archive, piece: Slice) -> bool:
    """Search; the answer is an object, since it may be of any size."""
    found = _found(archive, piece.request)
    key = answer_key(piece.job.identifier)
    archive.bucket.put_whole(key, orjson.dumps(found), {})
    piece.set_output(key, "answer.json")
    return True


def _found(archive: Archive, asked: dict[str, Any]) -> object:
    budget = FIND_JOB_READ_UNITS, FIND_JOB_SECONDS
    for name, read in _READ.items():
        if name in asked:
            with metered(archive, *budget) as (counted, _):
                return read(counted, asked[name])
    return search(archive, asked["Body"], *budget, is_count=asked["Count"])
