"""`/patients/{id}/protected`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nephele.rest.answers import empty_answer, text_answer
from nephele.rest.bodies import BOOLEANS, TextBody, boolean_of
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails, takes_body
from nephele.services.protection import is_protected, protect

router = APIRouter(
    prefix="/patients/{identifier}/protected", tags=["Patients"], route_class=DeferredRoute
)


@router.get("", summary="Is the patient protected against recycling?", responses=fails(400))
def get_protected(archive: OpenArchive, identifier: str) -> Response:
    """Return `1` for a patient that is never recycled, else `0`."""
    return text_answer("1" if is_protected(archive, identifier) else "0")


@router.put(
    "",
    summary="Protect or unprotect a patient against recycling",
    responses=fails(400),
    openapi_extra=takes_body("text/plain", "`0` or `1`", {"type": "string", "enum": [*BOOLEANS]}),
)
def put_protected(archive: OpenArchive, identifier: str, body: TextBody) -> Response:
    """Protect a patient; ending that makes it the most recent one."""
    protect(archive, identifier, is_wanted=boolean_of(body))
    return empty_answer()
