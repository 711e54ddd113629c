"""Who serves which request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dimse_edge.command import Field
from dimse_edge.request import Request
from dimse_edge.scp import commitment, echo, find, get, move
from nephele.domain import sop_classes

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

Handler = Callable[["EdgeAssociation", Request], None]

HANDLERS: Mapping[int, Handler] = {
    Field.C_ECHO: echo.serve,
    Field.C_FIND: find.serve,
    Field.C_GET: get.serve,
    Field.C_MOVE: move.serve,
    Field.N_ACTION: commitment.serve_request,
    Field.N_EVENT_REPORT: commitment.serve_report,
}
"""By Command Field; C-STORE, whose data sets are not kept in memory, has a way of its own."""

_CLASSES: Mapping[int, frozenset[str]] = {
    Field.C_ECHO: frozenset({sop_classes.VERIFICATION}),
    Field.C_FIND: sop_classes.QUERY_CLASSES | {sop_classes.MODALITY_WORKLIST_FIND},
    Field.C_GET: sop_classes.GET_CLASSES,
    Field.C_MOVE: sop_classes.MOVE_CLASSES,
}


def is_in_place(request: Request) -> bool:
    """Tell whether a request came in a presentation context that it belongs to."""
    classes = _CLASSES.get(request.command.field)
    return classes is None or request.abstract_syntax in classes
