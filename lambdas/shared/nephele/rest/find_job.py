"""A search, or a list, as a job: one step, with a larger budget than one call has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response

from nephele.aws.keys import answer_key
from nephele.aws.part_upload import PartUpload
from nephele.rest.bulk import read_bulk
from nephele.rest.find_answers import Found, search
from nephele.rest.job_arguments import answer_awaited
from nephele.rest.listing import list_resources
from nephele.rest.styled_json import iter_styled, iter_styled_items
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
    with PartUpload(archive.bucket, key, lambda _: {}) as upload:
        for text in _iter_body(found):
            upload.write(text.encode())
        upload.finish(b"")
    piece.set_output(key, "answer.json")
    return True


def _iter_body(found: Found) -> Iterator[str]:
    if isinstance(found, Mapping):
        return iter_styled(sorted(found.items()))
    return iter_styled_items(found)


def _found(archive: Archive, asked: dict[str, Any]) -> Found:
    budget = FIND_JOB_READ_UNITS, FIND_JOB_SECONDS
    for name, read in _READ.items():
        if name in asked:
            with metered(archive, *budget) as (counted, _):
                return read(counted, asked[name])
    return search(archive, asked["Body"], *budget, is_count=asked["Count"])
