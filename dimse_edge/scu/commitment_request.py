"""N-ACTION: asking others to commit themselves to what they have. See PS3.4 J.3.2."""

from __future__ import annotations

from collections.abc import Sequence

from dimse_edge.command import HAS_DATA_SET, Field, Tag
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import SUCCESS, UNCOMPRESSED, destination_of, failure
from dimse_edge.scu.requests import Destination, Proposal, ProposedContext
from nephele.domain.commitment import Commitment, Reference, encode_commitment
from nephele.domain.sop_classes import STORAGE_COMMITMENT_PUSH, STORAGE_COMMITMENT_PUSH_INSTANCE
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.errors import NetworkProtocol
from nephele.services.archive import Archive
from nephele.services.commitments import await_commitment
from nephele.services.jobs.slices import Slice

_REQUEST = 1


def run(archive: Archive, piece: Slice) -> bool:
    """Ask a modality whether it has some instances for good."""
    request = piece.request
    peer = destination_of(archive, request)
    request_commitment(archive, peer, request["TransactionUID"], request["References"])
    return True


def request_commitment(
    archive: Archive,
    peer: Destination,
    transaction_uid: str,
    references: Sequence[Sequence[str]],
) -> None:
    """Ask for the commitment to instances, each a pair of class and instance UID.

    The report comes later, over an association of its own, to whichever task of the edge.
    """
    await_commitment(archive, transaction_uid, peer.called_aet)
    commitment = Commitment(
        transaction_uid, tuple(Reference(one, other) for one, other in references)
    )
    contexts = [ProposedContext(STORAGE_COMMITMENT_PUSH, UNCOMPRESSED)]
    with Association(peer, Proposal(contexts)) as association:
        context_id = association.context(STORAGE_COMMITMENT_PUSH)
        if context_id is None:
            raise NetworkProtocol(f"{peer}: it does not offer storage commitment")
        syntax = transfer_syntax(association.contexts[context_id].transfer_syntaxes[0])
        command: dict[Tag, int | str] = {
            Tag.REQUESTED_SOP_CLASS_UID: STORAGE_COMMITMENT_PUSH,
            Tag.COMMAND_FIELD: Field.N_ACTION,
            Tag.MESSAGE_ID: association.next_message_id(),
            Tag.COMMAND_DATA_SET_TYPE: HAS_DATA_SET,
            Tag.REQUESTED_SOP_INSTANCE_UID: STORAGE_COMMITMENT_PUSH_INSTANCE,
            Tag.ACTION_TYPE_ID: _REQUEST,
        }
        encoded = encode_commitment(commitment, syntax)
        answer = association.request(context_id, command, [encoded]).command
    if answer.status != SUCCESS:
        raise failure(peer, "N-ACTION", answer)
