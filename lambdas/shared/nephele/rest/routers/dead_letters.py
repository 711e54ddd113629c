"""`/dead-letters`: messages that could not be processed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.resources import DeadLetter
from nephele.errors import UnknownResource
from nephele.rest.answers import json_answer
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.files import file_answer
from nephele.rest.parameters import fails
from nephele.services.dead_letters import dead_letter, list_dead_letters, retry

router = APIRouter(prefix="/dead-letters", tags=["Dead letters"], route_class=DeferredRoute)


@router.get("", summary="List messages that could not be processed")
def get_dead_letters(archive: OpenArchive) -> Response:
    """List them with their reasons, the oldest first."""
    letters = sorted(list_dead_letters(archive), key=lambda letter: letter.received)
    return json_answer([_render(letter) for letter in letters])


@router.get("/{identifier}", summary="Get one message", responses=fails(404))
def get_dead_letter(archive: OpenArchive, identifier: str) -> Response:
    """Describe one message, with its body as the queue had it."""
    letter = dead_letter(archive, identifier)
    return json_answer({**_render(letter), "Body": letter.body})


@router.get(
    "/{identifier}/file", summary="Download the bytes a message is about", responses=fails(404)
)
def get_file(request: Request, archive: OpenArchive, identifier: str) -> Response:
    """Return the original bytes, as they were received."""
    letter = dead_letter(archive, identifier)
    if letter.object_key is None:
        raise UnknownResource("This message is about no file")
    size_bytes = archive.bucket.head(letter.object_key).size_bytes
    filename = f"{letter.identifier}.dcm"
    return file_answer(request, archive, letter.object_key, size_bytes, filename)


@router.post("/{identifier}/retry", summary="Process a message again", responses=fails(400, 404))
def post_retry(archive: OpenArchive, identifier: str) -> Response:
    """Send the message to its queue again and take it off the list."""
    retry(archive, identifier)
    return json_answer({})


def _render(letter: DeadLetter) -> dict[str, object]:
    return {
        "Date": letter.received.partition(".")[0],
        "HasFile": letter.object_key is not None,
        "ID": letter.identifier,
        "ObjectKey": letter.object_key,
        "Path": f"/dead-letters/{letter.identifier}",
        "Queue": letter.queue,
        "Reason": letter.reason,
    }
