"""C-ECHO. See PS3.4 annex A."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dimse_edge.request import Request
from dimse_edge.statuses import SUCCESS

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation


def serve(association: EdgeAssociation, request: Request) -> None:
    """Answer."""
    association.dimse.respond(request, SUCCESS)
