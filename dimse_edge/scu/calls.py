"""What requests of the edge have in common: whom to call is in the job, failures look alike."""

from __future__ import annotations

from typing import Any

from dimse_edge.command import HAS_DATA_SET, MEDIUM_PRIORITY, Command, Field, Tag
from dimse_edge.scu.association import Association
from dimse_edge.scu.dialing import destination
from dimse_edge.scu.requests import Destination, Proposal, ProposedContext
from dimse_edge.scu.statuses import failing
from nephele.domain.character_set import Encoding
from nephele.domain.query_keys import Query, encode_query
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    transfer_syntax,
)
from nephele.errors import NetworkProtocol, QueryRefused
from nephele.services.archive import Archive
from nephele.settings.modality import Modality

PENDING = frozenset({0xFF00, 0xFF01})
SUCCESS = 0x0000
UNABLE_TO_PROCESS = 0xC000

UNCOMPRESSED = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
"""Transfer syntaxes proposed for services without pixels."""


def modality_of(request: dict[str, Any]) -> Modality:
    """Return whom a job is about, as it was when the job was submitted."""
    return Modality.model_validate(request["Modality"])


def destination_of(archive: Archive, request: dict[str, Any]) -> Destination:
    """Return where a job calls."""
    modality = modality_of(request)
    return destination(archive, modality, request.get("LocalAet", ""), request.get("Timeout"))


def proposal_of(*abstract_syntaxes: str) -> Proposal:
    """Propose services without pixels."""
    return Proposal([ProposedContext(uid, UNCOMPRESSED) for uid in abstract_syntaxes])


def send_identifier(
    association: Association,
    context_id: int,
    field: Field,
    message_id: int,
    query: Query,
    encoding: Encoding,
    *,
    move_destination: str = "",
) -> None:
    """Send the request of a C-FIND, C-MOVE or C-GET with its identifier. See PS3.7 9.3.2."""
    context = association.contexts[context_id]
    command: dict[Tag, int | str] = {
        Tag.AFFECTED_SOP_CLASS_UID: context.abstract_syntax,
        Tag.COMMAND_FIELD: field,
        Tag.MESSAGE_ID: message_id,
        Tag.MOVE_DESTINATION: move_destination,
        Tag.PRIORITY: MEDIUM_PRIORITY,
        Tag.COMMAND_DATA_SET_TYPE: HAS_DATA_SET,
    }
    syntax = transfer_syntax(context.transfer_syntaxes[0])
    association.send(context_id, command, [encode_query(query, syntax, encoding)])


def payload(status: int) -> dict[str, object]:
    """Return Orthanc's `ErrorPayload` of a status."""
    return {"Type": "Dimse", "Content": {"DimseErrorStatus": status}}


def failure(peer: Destination, service: str, command: Command) -> NetworkProtocol:
    """Return the error of a response that is no success."""
    status = command.status
    kind = QueryRefused if service == "C-FIND" and status == UNABLE_TO_PROCESS else NetworkProtocol
    return kind(f"{peer}: {failing(service, status, command.comment)}", payload(status))
