"""Why an association was refused or aborted, in words, with the option that changes it."""

from __future__ import annotations

from collections.abc import Iterable

from pynetdicom.presentation import PresentationContext

from dimse_edge import acse
from dimse_edge.access import Peer, Rules, Service
from dimse_edge.negotiation import ABSTRACT_SYNTAX_NOT_SUPPORTED
from nephele.domain.refusals import ProposedContext
from nephele.settings.configuration import Configuration
from nephele.settings.modality import Modality

_TOLD = 32
"""Refused contexts that are told of one association; PS3.8 allows 128."""
SILENT = "The peer was silent for DicomScpTimeout seconds"


def explain_rejection(rejection: acse.Rejection, rules: Rules, peer: Peer, called_aet: str) -> str:
    """Say why an association was rejected, and what would let it in."""
    if rejection == acse.CONTEXT_NAME_NOT_SUPPORTED:
        return "The application context is not DICOM's (PS3.8 A.2.1): the peer speaks another one"
    if rejection == acse.CALLED_AET_NOT_RECOGNIZED:
        return (
            f"The peer calls {called_aet!r} and DicomCheckCalledAet is true: have it call "
            f"{rules.configuration.dicom_aet!r} (DicomAet), or set DicomCheckCalledAet to false"
        )
    if rejection == acse.CALLING_AET_NOT_RECOGNIZED:
        return _explain_stranger(rules, peer)
    return "Too many associations are open: the peer may try again"


def _explain_stranger(rules: Rules, peer: Peer) -> str:
    known = rules.find_modality(peer.aet)
    if known is None:
        return (
            f"No modality has the AE title {peer.aet!r}, and no DicomAlwaysAllow option is true: "
            "add it to DicomModalities (StrictAetComparison tells upper from lower case)"
        )
    name, modality = known
    return (
        f"{peer.aet!r} is the modality {name}, whose Host is {modality.host!r}, but it connects "
        f"from {peer.address!r} and DicomCheckModalityHost is true: correct its Host"
    )


def explain_request(service: Service | None, command_field: int, rules: Rules, peer: Peer) -> str:
    """Say why a request was answered with an abort."""
    if service is None:
        return f"The command field {command_field:#06x} is none that Nephele serves"
    option = service.option and Configuration.model_fields[service.option].alias
    everybody = f", or set {option} to true" if option else ""
    known = rules.find_modality(peer.aet)
    if known is None:
        return (
            f"{service.name} was asked for, and no modality has the AE title {peer.aet!r}: add it "
            f"to DicomModalities{everybody}"
        )
    name, modality = known
    if rules.configuration.dicom_check_modality_host and modality.host != peer.address:
        return _explain_stranger(rules, peer)
    flag = Modality.model_fields[service.flag].alias
    return (
        f"{service.name} was asked for, and the modality {name} may not: set its {flag} to true"
        f"{everybody}"
    )


def refused_contexts(contexts: Iterable[PresentationContext]) -> tuple[ProposedContext, ...]:
    """Describe the presentation contexts that were not accepted, the first of them."""
    return tuple(
        ProposedContext(
            str(context.abstract_syntax),
            tuple(str(syntax) for syntax in context.transfer_syntax),
            is_class_accepted=context.result != ABSTRACT_SYNTAX_NOT_SUPPORTED,
        )
        for context in list(contexts)[:_TOLD]
    )
