"""`/refused-associations`: who was not let in, why, and what to change."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.refusals import Refusal
from nephele.rest.answers import json_answer
from nephele.rest.arguments import arguments_of, unsigned
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails, takes
from nephele.services.refusals import refusals

router = APIRouter(
    prefix="/refused-associations", tags=["Refused associations"], route_class=DeferredRoute
)
_DEFAULT_LIMIT = "100"


@router.get(
    "",
    summary="List refused associations",
    openapi_extra=takes("limit"),
    responses=fails(400),
)
def get_refusals(request: Request, archive: OpenArchive) -> Response:
    """List the associations that were refused or aborted, the newest first; 1,000 are kept."""
    limit = unsigned(arguments_of(request).get("limit", _DEFAULT_LIMIT))
    return json_answer([_render(refusal) for refusal in refusals(archive, limit)])


def _render(refusal: Refusal) -> dict[str, object]:
    return {
        "CalledAET": refusal.called_aet,
        "CallingAET": refusal.calling_aet,
        "Date": refusal.date,
        "Explanations": list(refusal.explanations),
        "Outcome": refusal.outcome,
        "RefusedContexts": [
            {
                "AbstractSyntax": context.abstract_syntax,
                "TransferSyntaxes": list(context.transfer_syntaxes),
            }
            for context in refusal.refused_contexts
        ],
        "RemoteIP": refusal.remote_ip,
    }
