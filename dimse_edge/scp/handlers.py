"""Who serves which request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dimse_edge.command import (
    C_ECHO_RQ,
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    N_ACTION_RQ,
    N_EVENT_REPORT_RQ,
)
from dimse_edge.request import Request
from dimse_edge.scp import commitment, echo, find, get, move
from nephele.domain import sop_classes

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

Handler = Callable[["EdgeAssociation", Request], None]

HANDLERS: Mapping[int, Handler] = {
    C_ECHO_RQ: echo.serve,
    C_FIND_RQ: find.serve,
    C_GET_RQ: get.serve,
    C_MOVE_RQ: move.serve,
    N_ACTION_RQ: commitment.serve_request,
    N_EVENT_REPORT_RQ: commitment.serve_report,
}
"""By Command Field; C-STORE, whose data sets are not kept in memory, has a way of its own."""

_CLASSES: Mapping[int, frozenset[str]] = {
    C_ECHO_RQ: frozenset({sop_classes.VERIFICATION}),
    C_FIND_RQ: sop_classes.QUERY_CLASSES | {sop_classes.MODALITY_WORKLIST_FIND},
    C_GET_RQ: sop_classes.GET_CLASSES,
    C_MOVE_RQ: sop_classes.MOVE_CLASSES,
}


def is_in_place(request: Request) -> bool:
    """Tell whether a request came in a presentation context that it belongs to."""
    classes = _CLASSES.get(request.command.field)
    return classes is None or request.abstract_syntax in classes
