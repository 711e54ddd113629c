"""Presentation contexts: what is accepted, in whose order. See PS3.8 7.1.1.13, dicom.md 1.2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydicom.uid import UID
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from nephele.domain import sop_classes, transfer_syntax
from nephele.settings.configuration import Configuration

ACCEPTED = 0x00
ABSTRACT_SYNTAX_NOT_SUPPORTED = 0x03
TRANSFER_SYNTAXES_NOT_SUPPORTED = 0x04

MOST_CONTEXTS = 128
"""Their ids are the odd numbers of a byte. See PS3.8 9.3.2.2."""

_SERVER_ORDER = (
    transfer_syntax.EXPLICIT_VR_LITTLE_ENDIAN,
    transfer_syntax.EXPLICIT_VR_BIG_ENDIAN,
    transfer_syntax.IMPLICIT_VR_LITTLE_ENDIAN,
)
"""What services without pixels speak; here Nephele's order decides."""

Roles = Mapping[str, tuple[bool, bool]]
"""SCU and SCP role by SOP class, as one side proposes them. See PS3.7 D.3.3.4."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the configuration accepts, worked out once per process."""

    configuration: Configuration
    services: frozenset[str]
    storage: frozenset[str]
    transfer_syntaxes: frozenset[str]

    def result(self, abstract_syntax: str, proposed: Sequence[str]) -> tuple[int, str | None]:
        """Return the result of one proposed context, and its transfer syntax if accepted."""
        if abstract_syntax in self.services:
            return _chosen(syntax for syntax in _SERVER_ORDER if syntax in proposed)
        in_turn = [syntax for syntax in proposed if syntax in self.transfer_syntaxes]
        if abstract_syntax in self.storage:
            return _chosen(in_turn)
        if sop_classes.is_accepted_unknown(abstract_syntax, self.configuration):
            in_turn.sort(key=lambda syntax: syntax != transfer_syntax.EXPLICIT_VR_LITTLE_ENDIAN)
            return _chosen(in_turn)
        return ABSTRACT_SYNTAX_NOT_SUPPORTED, None


def _chosen(candidates: Iterable[str]) -> tuple[int, str | None]:
    for syntax in candidates:
        return ACCEPTED, syntax
    return TRANSFER_SYNTAXES_NOT_SUPPORTED, None


def acceptance(configuration: Configuration) -> Acceptance:
    """Work out what a configuration accepts."""
    return Acceptance(
        configuration=configuration,
        services=_services(configuration),
        storage=frozenset(sop_classes.accepted_sop_classes(configuration)),
        transfer_syntaxes=frozenset(transfer_syntax.accepted_transfer_syntaxes(configuration)),
    )


def _services(configuration: Configuration) -> frozenset[str]:
    """Return the classes without pixels; worklists are offered where they are switched on."""
    services = {
        sop_classes.VERIFICATION,
        sop_classes.STORAGE_COMMITMENT_PUSH,
        *sop_classes.QUERY_CLASSES,
        *sop_classes.MOVE_CLASSES,
        *sop_classes.GET_CLASSES,
    }
    if configuration.worklists.enable:
        services.add(sop_classes.MODALITY_WORKLIST_FIND)
    return frozenset(services)


def negotiate(
    acceptance: Acceptance, proposed: Iterable[PresentationContext], roles: Roles
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Answer the proposed contexts, in their order, and the roles proposed for accepted ones.

    Roles of storage classes and of storage commitment are granted as proposed; nobody else's are
    answered.
    """
    contexts = [_answer(acceptance, context, roles) for context in proposed]
    granted = {
        str(context.abstract_syntax)
        for context in contexts
        if context.result == ACCEPTED and _has_roles(acceptance, str(context.abstract_syntax))
    }
    return contexts, [_role(uid, *roles[uid]) for uid in sorted(granted & roles.keys())]


def _has_roles(acceptance: Acceptance, abstract_syntax: str) -> bool:
    is_commitment = abstract_syntax == sop_classes.STORAGE_COMMITMENT_PUSH
    return is_commitment or abstract_syntax not in acceptance.services


def _answer(
    acceptance: Acceptance, context: PresentationContext, roles: Roles
) -> PresentationContext:
    proposed = [str(syntax) for syntax in context.transfer_syntax]
    abstract_syntax = str(context.abstract_syntax)
    answer = PresentationContext()
    answer.context_id = context.context_id
    answer.abstract_syntax = context.abstract_syntax
    answer.result, chosen = acceptance.result(abstract_syntax, proposed)
    answer.transfer_syntax = [UID(chosen or next(iter(proposed), _SERVER_ORDER[-1]))]
    is_peer_scu, is_peer_scp = roles.get(abstract_syntax, (True, False))
    answer._as_scp = answer.result == ACCEPTED and is_peer_scu
    answer._as_scu = answer.result == ACCEPTED and is_peer_scp
    return answer


def _role(uid: str, is_scu: bool, is_scp: bool) -> SCP_SCU_RoleSelectionNegotiation:
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid = UID(uid)
    role.scu_role = is_scu
    role.scp_role = is_scp
    return role
