"""Requests for associations: what is proposed, and what the other side makes of it. See PS3.8 9.3.

The PDUs are pynetdicom's.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydicom.uid import UID
from pynetdicom._globals import APPLICATION_CONTEXT_NAME
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)
from pynetdicom.presentation import PresentationContext

from dimse_edge.command import ProtocolError
from dimse_edge.negotiation import MOST_CONTEXTS
from nephele.domain.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_ACCEPTED = 0


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom to associate with, and as whom.

    Attributes
    ----------
    timeout : float or None
        Seconds for connecting and for each PDU; None waits for ever.
    tls : ssl.SSLContext or None
        The context of a TLS connection, None for a plain one.
    maximum_pdu_bytes : int
        Longest P-DATA-TF that is taken.
    """

    host: str
    port: int
    called_aet: str
    calling_aet: str
    timeout: float | None
    maximum_pdu_bytes: int
    tls: ssl.SSLContext | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f'AET "{self.called_aet}" at {self.host}:{self.port}'


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """An abstract syntax and the transfer syntaxes to choose from; one, once it is accepted."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an association is asked for.

    Attributes
    ----------
    roles : dict
        SCU and SCP role by SOP class, where they are not the default ones. See PS3.7 D.3.3.4.
    """

    contexts: Sequence[ProposedContext]
    roles: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What was agreed upon; `maximum_bytes` is the longest P-DATA-TF the peer takes, 0 for any."""

    contexts: dict[int, ProposedContext]
    roles: dict[str, tuple[bool, bool]]
    maximum_bytes: int


def encode_request(destination: Destination, proposal: Proposal) -> bytes:
    """Encode an A-ASSOCIATE-RQ."""
    request = A_ASSOCIATE()
    request.application_context_name = UID(APPLICATION_CONTEXT_NAME)
    request.calling_ae_title = destination.calling_aet
    request.called_ae_title = destination.called_aet
    request.presentation_context_definition_list = [
        _context(2 * number + 1, proposed)
        for number, proposed in enumerate(proposal.contexts[:MOST_CONTEXTS])
    ]
    maximum = MaximumLengthNotification()
    maximum.maximum_length_received = destination.maximum_pdu_bytes
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    roles = [_role(uid, *role) for uid, role in proposal.roles.items()]
    request.user_information = [maximum, implementation, version, *roles]
    return A_ASSOCIATE_RQ(request).encode()


def _context(context_id: int, proposed: ProposedContext) -> PresentationContext:
    context = PresentationContext()
    context.context_id = context_id
    context.abstract_syntax = UID(proposed.abstract_syntax)
    context.transfer_syntax = [UID(syntax) for syntax in proposed.transfer_syntaxes]
    return context


def _role(uid: str, is_scu: bool, is_scp: bool) -> SCP_SCU_RoleSelectionNegotiation:
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid = UID(uid)
    role.scu_role = is_scu
    role.scp_role = is_scp
    return role


def decode_acceptance(body: bytes, proposal: Proposal) -> Acceptance:
    """Read the body of an A-ASSOCIATE-AC.

    Raises
    ------
    ProtocolError
        It cannot be read.
    """
    try:
        pdu = A_ASSOCIATE_AC()
        pdu.decode(b"\x02\0" + len(body).to_bytes(4, "big") + body)
        answer = pdu.to_primitive()
        return _acceptance(answer, proposal)
    except Exception as exc:
        raise ProtocolError("its acceptance of the association cannot be decoded") from exc


def _acceptance(answer: A_ASSOCIATE, proposal: Proposal) -> Acceptance:
    contexts: dict[int, ProposedContext] = {}
    if not answer.presentation_context_definition_results_list:
        raise ValueError("no context is answered")
    for result in answer.presentation_context_definition_results_list:
        context_id = result.context_id or 0
        if result.result != _ACCEPTED or not result.transfer_syntax or context_id % 2 == 0:
            continue
        proposed = proposal.contexts[(context_id - 1) // 2]
        chosen = str(result.transfer_syntax[0])
        contexts[context_id] = ProposedContext(proposed.abstract_syntax, (chosen,))
    roles = {}
    maximum = 0
    for item in answer.user_information:
        if isinstance(item, SCP_SCU_RoleSelectionNegotiation):
            roles[str(item.sop_class_uid)] = (bool(item.scu_role), bool(item.scp_role))
        elif isinstance(item, MaximumLengthNotification):
            maximum = item.maximum_length_received or 0
    return Acceptance(contexts, roles, maximum)


def explain_rejection(body: bytes) -> str:
    """Say in words why an association was rejected. See PS3.8 9.3.4."""
    try:
        pdu = A_ASSOCIATE_RJ()
        pdu.decode(b"\x03\0" + len(body).to_bytes(4, "big") + body)
        return f"it rejects the association: {pdu.reason_str.lower()}"
    except Exception as exc:
        raise ProtocolError("its rejection of the association cannot be decoded") from exc
