"""The job `StorageCommitmentScp`: checks what was sent, and reports. See PS3.4 J.3.3."""

from __future__ import annotations

from typing import Any

from dimse_edge.command import HAS_DATA_SET, Field, Tag
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import SUCCESS, UNCOMPRESSED, destination_of, failure
from dimse_edge.scu.requests import Destination, Proposal, ProposedContext
from nephele.aws import clock
from nephele.domain.commitment import Commitment, Reference, encode_commitment
from nephele.domain.sop_classes import STORAGE_COMMITMENT_PUSH, STORAGE_COMMITMENT_PUSH_INSTANCE
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.errors import NetworkProtocol
from nephele.services.archive import Archive
from nephele.services.commitments import is_indexed, judge
from nephele.services.jobs.slices import Slice

_SUCCESS_EVENT = 1
_FAILURES_EVENT = 2
_INDEXED_SECONDS = 30.0
"""How long what was acknowledged may take to be indexed."""
_LOOK_AGAIN_SECONDS = 1
_MOST_ATTEMPTS = 3
_TRY_AGAIN_SECONDS = 10
_SAVED_EVERY = 50


def run(archive: Archive, piece: Slice) -> bool:
    """Check what is left to be checked, and report when all is."""
    references = [Reference(*pair) for pair in piece.request["References"]]
    position = piece.position
    position.setdefault("Reasons", [])
    if not _check(archive, piece, references):
        return False
    return _report(archive, piece, references)


def _check(archive: Archive, piece: Slice, references: list[Reference]) -> bool:
    """Check instances one by one; False when there is no time, or one is not indexed yet."""
    reasons: list[int] = piece.position["Reasons"]
    may_be_late = clock.age_seconds(piece.job.created) < _INDEXED_SECONDS
    for reference in references[len(reasons) :]:
        if not piece.has_time():
            return False
        if may_be_late and not is_indexed(archive, reference):
            piece.wait(_LOOK_AGAIN_SECONDS)
            return False
        reasons.append(judge(archive, reference).reason)
        if len(reasons) % _SAVED_EVERY == 0:
            piece.checkpoint(len(reasons) / (len(references) + 1))
    return True


def _report(archive: Archive, piece: Slice, references: list[Reference]) -> bool:
    """Send the report; where the modality cannot be reached, some times more."""
    judged = [
        Reference(one.sop_class_uid, one.sop_instance_uid, reason)
        for one, reason in zip(references, piece.position["Reasons"], strict=True)
    ]
    commitment = Commitment(
        piece.request["TransactionUID"],
        tuple(one for one in judged if not one.reason),
        tuple(one for one in judged if one.reason),
    )
    try:
        send_report(destination_of(archive, piece.request), commitment)
    except NetworkProtocol:
        position: dict[str, Any] = piece.position
        position["Attempts"] = position.get("Attempts", 0) + 1
        if position["Attempts"] >= _MOST_ATTEMPTS:
            raise
        piece.wait(_TRY_AGAIN_SECONDS)
        return False
    return True


def send_report(peer: Destination, commitment: Commitment) -> None:
    """Report to who asked, in the role of the SCP. See PS3.7 10.1.1."""
    contexts = [ProposedContext(STORAGE_COMMITMENT_PUSH, UNCOMPRESSED)]
    roles = {STORAGE_COMMITMENT_PUSH: (False, True)}
    with Association(peer, Proposal(contexts, roles)) as association:
        context_id = association.context(STORAGE_COMMITMENT_PUSH)
        if context_id is None:
            raise NetworkProtocol(f"{peer}: it takes no report of storage commitment")
        syntax = transfer_syntax(association.contexts[context_id].transfer_syntaxes[0])
        command: dict[Tag, int | str] = {
            Tag.AFFECTED_SOP_CLASS_UID: STORAGE_COMMITMENT_PUSH,
            Tag.COMMAND_FIELD: Field.N_EVENT_REPORT,
            Tag.MESSAGE_ID: association.next_message_id(),
            Tag.COMMAND_DATA_SET_TYPE: HAS_DATA_SET,
            Tag.AFFECTED_SOP_INSTANCE_UID: STORAGE_COMMITMENT_PUSH_INSTANCE,
            Tag.EVENT_TYPE_ID: _FAILURES_EVENT if commitment.failures else _SUCCESS_EVENT,
        }
        encoded = encode_commitment(commitment, syntax)
        answer = association.request(context_id, command, [encoded]).command
    if answer.status != SUCCESS:
        raise failure(peer, "N-EVENT-REPORT", answer)
