"""Storage commitment as others ask for it, and their reports. See PS3.4 annex J."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dimse_edge.command import NO_DATA_SET, RESPONSE, Tag, encode_command
from dimse_edge.request import Request
from dimse_edge.statuses import PROCESSING_FAILURE, SUCCESS
from nephele.domain.commitment import Commitment, decode_commitment
from nephele.domain.sop_classes import STORAGE_COMMITMENT_PUSH, STORAGE_COMMITMENT_PUSH_INSTANCE
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.errors import BadRequest, NepheleError, UnknownResource
from nephele.logs import logger
from nephele.services.commitments import keep_report
from nephele.services.jobs.submit import JobOptions, submit

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

_REQUEST_TYPE = 1


def serve_request(association: EdgeAssociation, request: Request) -> None:
    """Take an N-ACTION: a job checks the instances and reports."""
    action_type = request.command.number(Tag.ACTION_TYPE_ID)
    status = SUCCESS
    try:
        if action_type != _REQUEST_TYPE:
            raise BadRequest("there is no such action")
        _submit(association, _commitment(request))
    except NepheleError as error:
        status = _failed(association, error)
    _respond(association, request, status, {Tag.ACTION_TYPE_ID: action_type})


def serve_report(association: EdgeAssociation, request: Request) -> None:
    """Take an N-EVENT-REPORT, whichever task of the edge has asked for it."""
    event_type = request.command.number(Tag.EVENT_TYPE_ID)
    status = SUCCESS
    try:
        keep_report(association.site.archive, _commitment(request))
    except NepheleError as error:
        status = _failed(association, error)
    _respond(association, request, status, {Tag.EVENT_TYPE_ID: event_type})


def _commitment(request: Request) -> Commitment:
    syntax = transfer_syntax(request.transfer_syntax_uid)
    return decode_commitment(bytes(request.data_set), syntax)


def _submit(association: EdgeAssociation, commitment: Commitment) -> None:
    site, peer = association.site, association.peer
    found = association.rules().find_modality(peer.aet)
    if found is None:
        raise UnknownResource("the AE title belongs to no modality")
    _, modality = found
    submit(
        site.archive,
        "StorageCommitmentScp",
        {
            "Modality": modality.model_dump(by_alias=True),
            "LocalAet": association.called_aet,
            "TransactionUID": commitment.transaction_uid,
            "References": [
                [one.sop_class_uid, one.sop_instance_uid] for one in commitment.references
            ],
        },
        JobOptions(synchronous=False),
        {
            "CalledAet": association.called_aet,
            "Description": "",
            "RemoteAet": peer.aet,
            "RemoteIp": peer.address,
            "TransactionUid": commitment.transaction_uid,
        },
    )


def _failed(association: EdgeAssociation, error: NepheleError) -> int:
    facts = {"error": type(error).__name__, "reason": str(error)}
    logger.warning("storage commitment refused", extra={**association.facts, **facts})
    return PROCESSING_FAILURE


def _respond(
    association: EdgeAssociation, request: Request, status: int, kind: dict[Tag, int]
) -> None:
    """Answer as PS3.7 10.3.1 and 10.3.5 say."""
    command: dict[Tag, int | str] = {
        Tag.AFFECTED_SOP_CLASS_UID: STORAGE_COMMITMENT_PUSH,
        Tag.COMMAND_FIELD: request.command.field | RESPONSE,
        Tag.MESSAGE_ID_BEING_RESPONDED_TO: request.command.message_id,
        Tag.COMMAND_DATA_SET_TYPE: NO_DATA_SET,
        Tag.STATUS: status,
        Tag.AFFECTED_SOP_INSTANCE_UID: STORAGE_COMMITMENT_PUSH_INSTANCE,
        **kind,
    }
    association.dimse.send(request.context_id, encode_command(command))
