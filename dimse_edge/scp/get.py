"""C-GET: what is asked for is sent over the same association. See PS3.4 C.4.3."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dimse_edge.command import HAS_DATA_SET, MEDIUM_PRIORITY, Field, Tag, encode_command
from dimse_edge.request import Request
from dimse_edge.scp.responses import keys_of, send_outcome, send_progress
from dimse_edge.scp.sub_operations import Progress
from dimse_edge.scu.offers import UNCOMPRESSED
from dimse_edge.statuses import OUT_OF_RESOURCES
from nephele.domain.resources import Resource
from nephele.domain.transcoding import makes_new_instance
from nephele.logs import logger
from nephele.services.outgoing import iter_outgoing
from nephele.services.outgoing_instance import Outgoing
from nephele.services.resolve import resolve

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

_MESSAGE_IDS = 0xFFFF


@dataclass(frozen=True, slots=True)
class _Contexts:
    """Presentation contexts the peer takes instances in.

    Attributes
    ----------
    ids : dict
        Context by storage class and transfer syntax, in the order of the proposal.
    """

    ids: dict[str, dict[str, int]]
    may_transcode: bool

    def syntaxes(self, instance: Resource) -> list[str]:
        """Return the transfer syntaxes an instance may be sent in, in the order they are tried.

        Its own one; if it may be transcoded, the uncompressed ones, then whatever else is
        accepted, those first that keep it the same instance.
        """
        accepted = self.ids.get(instance.metadata.get("SopClassUid", ""), {})
        own = instance.metadata.get("TransferSyntax", "")
        if not self.may_transcode:
            return [own] if own in accepted else []
        others = sorted(accepted, key=makes_new_instance)
        order = dict.fromkeys((own, *UNCOMPRESSED, *others))
        return [syntax for syntax in order if syntax in accepted]

    def id_of(self, outgoing: Outgoing) -> int:
        """Return the context of an instance."""
        return self.ids[outgoing.sop_class_uid][outgoing.transfer_syntax_uid]


def serve(association: EdgeAssociation, request: Request) -> None:
    """Send everything the identifier names, and tell how it went."""
    archive = association.site.archive
    ids = resolve(archive, keys_of(association, request))
    contexts, progress = _contexts(association), Progress(len(ids))
    with association.dimse.responses_expected():
        for number, outgoing in enumerate(iter_outgoing(archive, ids, contexts.syntaxes)):
            if association.is_stopped(request):
                break
            message_id = number % _MESSAGE_IDS + 1
            status = _send(association, outgoing, contexts, message_id)
            if outgoing.error is not None:
                progress.explain(outgoing.error)
            progress.add(outgoing.sop_instance_uid, status)
            send_progress(association, request, progress)
    status = progress.final_status(is_cancelled=association.is_cancelled(request))
    send_outcome(association, request, progress, status)
    counts = {"completed": progress.completed, "failed": progress.failed}
    logger.info("instances got", extra={**association.facts, **counts, "status": f"{status:#06x}"})


def _contexts(association: EdgeAssociation) -> _Contexts:
    ids: dict[str, dict[str, int]] = defaultdict(dict)
    for context_id, (abstract_syntax, syntax) in association.accepted_contexts_by_id().items():
        _, is_peer_scp = association.proposed_roles.get(abstract_syntax, (True, True))
        if is_peer_scp:
            ids[abstract_syntax].setdefault(syntax, context_id)
    may_transcode = association.rules().may_transcode(association.peer)
    return _Contexts(dict(ids), may_transcode)


def _send(
    association: EdgeAssociation, outgoing: Outgoing, contexts: _Contexts, message_id: int
) -> int:
    """Send one instance and return the status the peer answers with.

    Raises
    ------
    NetworkProtocol
        The peer has ended the association, or does not answer.
    """
    if outgoing.error is not None:
        facts = {"orthanc_id": outgoing.orthanc_id, "error": type(outgoing.error).__name__}
        logger.warning("instance not sent", extra={**association.facts, **facts})
        return OUT_OF_RESOURCES
    command = encode_command(
        {
            Tag.AFFECTED_SOP_CLASS_UID: outgoing.sop_class_uid,
            Tag.COMMAND_FIELD: Field.C_STORE,
            Tag.MESSAGE_ID: message_id,
            Tag.PRIORITY: MEDIUM_PRIORITY,
            Tag.COMMAND_DATA_SET_TYPE: HAS_DATA_SET,
            Tag.AFFECTED_SOP_INSTANCE_UID: outgoing.sop_instance_uid,
        }
    )
    association.dimse.send(contexts.id_of(outgoing), command, outgoing.iter_chunks())
    return association.await_response(message_id)
