"""What a C-GET proposes: itself, and storage classes in the role of an SCP. See PS3.7 D.3.3.4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dimse_edge.negotiation import MOST_CONTEXTS
from dimse_edge.scu.calls import UNCOMPRESSED
from dimse_edge.scu.requests import Proposal, ProposedContext
from nephele.batches import batched
from nephele.domain.common_classes import by_frequency
from nephele.domain.sop_classes import SopClassOptions, accepted_sop_classes, is_accepted_unknown
from nephele.domain.transfer_syntax import accepted_transfer_syntaxes
from nephele.settings.configuration import Configuration

_MOST_CLASSES = 120


def proposals(
    options: SopClassOptions, sop_class_uid: str, expected: Sequence[str]
) -> list[Proposal]:
    """Return what to propose for a C-GET, association by association.

    The roles of an SCP are proposed for as many storage classes as there is room for: those that
    are expected, then the common ones. No class is in two proposals.
    """
    storage = dict.fromkeys(
        [*_accepted(options, expected), *by_frequency(accepted_sop_classes(options))]
    )
    rounds = list(batched(storage, _MOST_CLASSES)) or [[]]
    return [_proposal(sop_class_uid, [(uid, UNCOMPRESSED) for uid in some]) for some in rounds]


def proposals_of(
    configuration: Configuration, sop_class_uid: str, classes: Sequence[str]
) -> list[Proposal]:
    """Return what to propose for instances of these classes alone, association by association.

    Each class is proposed uncompressed and, context by context, in the other transfer syntaxes that
    are accepted: not every archive decompresses what it sends.
    """
    others = [
        (uid,) for uid in accepted_transfer_syntaxes(configuration) if uid not in UNCOMPRESSED
    ]
    choices = [UNCOMPRESSED, *others]
    most = max((MOST_CONTEXTS - 1) // len(choices), 1)
    return [
        _proposal(sop_class_uid, [(uid, choice) for uid in some for choice in choices])
        for some in batched(_accepted(configuration, classes), most)
    ]


def _accepted(options: SopClassOptions, classes: Iterable[str]) -> list[str]:
    known = set(accepted_sop_classes(options))
    return [uid for uid in classes if uid in known or is_accepted_unknown(uid, options)]


def _proposal(sop_class_uid: str, storage: Sequence[tuple[str, tuple[str, ...]]]) -> Proposal:
    contexts = [ProposedContext(uid, syntaxes) for uid, syntaxes in storage]
    roles = dict.fromkeys((uid for uid, _ in storage), (False, True))
    return Proposal([ProposedContext(sop_class_uid, UNCOMPRESSED), *contexts], roles)
