"""What requests of the edge have in common: whom to call is in the job, failures look alike."""

from __future__ import annotations

from typing import Any

from dimse_edge.scu.commands import CommandSet
from dimse_edge.scu.dialing import destination
from dimse_edge.scu.requests import Destination, Proposal, ProposedContext
from nephele.domain.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
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


def payload(status: int) -> dict[str, object]:
    """Return Orthanc's `ErrorPayload` of a status."""
    return {"Type": "Dimse", "Content": {"DimseErrorStatus": status}}


def failure(peer: Destination, service: str, command: CommandSet) -> NetworkProtocol:
    """Return the error of a response that is no success."""
    status = command.status
    comment = f" ({command.comment})" if command.comment else ""
    kind = QueryRefused if service == "C-FIND" and status == UNABLE_TO_PROCESS else NetworkProtocol
    return kind(f"{peer}: {service} fails with status 0x{status:04x}{comment}", payload(status))
