"""C-ECHO to others; if that is asked, a C-FIND besides. See PS3.7 9.1.5."""

from __future__ import annotations

from dimse_edge.command import NO_DATA_SET, Field, Tag
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import SUCCESS, destination_of, failure, proposal_of
from dimse_edge.scu.find import iter_level
from nephele.domain.levels import Level
from nephele.domain.query_keys import STUDY_INSTANCE_UID
from nephele.domain.sop_classes import VERIFICATION
from nephele.domain.uids import generate_uid
from nephele.errors import NetworkProtocol
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice


def run(archive: Archive, piece: Slice) -> bool:
    """Ask a modality whether it is there."""
    peer = destination_of(archive, piece.request)
    with Association(peer, proposal_of(VERIFICATION)) as association:
        context_id = association.context(VERIFICATION)
        if context_id is None:
            raise NetworkProtocol(f"{peer}: it does not offer C-ECHO")
        answer = association.request(
            context_id,
            {
                Tag.AFFECTED_SOP_CLASS_UID: VERIFICATION,
                Tag.COMMAND_FIELD: Field.C_ECHO,
                Tag.MESSAGE_ID: association.next_message_id(),
                Tag.COMMAND_DATA_SET_TYPE: NO_DATA_SET,
            },
        )
    if answer.command.status != SUCCESS:
        raise failure(peer, "C-ECHO", answer.command)
    if piece.request.get("CheckFind"):
        unknown = {STUDY_INSTANCE_UID: generate_uid(Level.STUDY)}
        for _ in iter_level(archive, peer, Level.STUDY, unknown):
            pass
    return True
