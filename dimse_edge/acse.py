"""Opening an association: who is let in, and what is agreed upon."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pynetdicom._globals import APPLICATION_CONTEXT_NAME
from pynetdicom.acse import ACSE
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dimse_edge import negotiation

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

Rejection = tuple[int, int, int]
"""Result, source and reason of an A-ASSOCIATE-RJ. See PS3.8 9.3.4."""

CONTEXT_NAME_NOT_SUPPORTED: Rejection = (1, 1, 2)
CALLING_AET_NOT_RECOGNIZED: Rejection = (1, 1, 3)
CALLED_AET_NOT_RECOGNIZED: Rejection = (1, 1, 7)
LOCAL_LIMIT_EXCEEDED: Rejection = (2, 3, 2)


class AssociationControl(ACSE):
    """pynetdicom's association control with Orthanc's rules of acceptance."""

    def _negotiate_as_acceptor(self) -> None:
        request = cast(A_ASSOCIATE, self.requestor.primitive)
        self.requestor.ae_title = request.calling_ae_title
        if rejection := self._rejection(request):
            self._edge.ending.note_rejection(rejection)
            self.send_reject(*rejection)
            return
        roles = {
            str(uid): (bool(item.scu_role), bool(item.scp_role))
            for uid, item in self.requestor.role_selection.items()
        }
        contexts, answered_roles = negotiation.negotiate(
            self._edge.site.acceptance(self._edge.begun),
            request.presentation_context_definition_list,
            roles,
        )
        self._edge.keep_contexts(contexts, roles)
        for role in answered_roles:
            self.acceptor.add_negotiation_item(role)
        self._edge.is_established = True
        self.send_accept()

    def _rejection(self, request: A_ASSOCIATE) -> Rejection | None:
        rules = self._edge.rules()
        if request.application_context_name != APPLICATION_CONTEXT_NAME:
            return CONTEXT_NAME_NOT_SUPPORTED
        if not rules.is_called_aet_accepted(self._edge.called_aet):
            return CALLED_AET_NOT_RECOGNIZED
        if not rules.is_calling_aet_accepted(self._edge.peer):
            return CALLING_AET_NOT_RECOGNIZED
        if self._edge.site.is_crowded:
            return LOCAL_LIMIT_EXCEEDED
        return None

    @property
    def _edge(self) -> EdgeAssociation:
        return cast("EdgeAssociation", self.assoc)
