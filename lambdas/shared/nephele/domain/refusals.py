"""Associations that were refused or aborted, explained for who has to make them work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from nephele.domain.sop_classes import MODALITY_WORKLIST_FIND, is_known_uid
from nephele.domain.transfer_syntax import transfer_syntax


class Outcome(StrEnum):
    """How an association ended that was not released."""

    REJECTED = "Rejected"
    ABORTED_HERE = "Aborted"
    ABORTED_THERE = "AbortedByPeer"


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context that was not accepted: what the peer proposed.

    Attributes
    ----------
    is_class_accepted : bool
        The abstract syntax is, so it was refused for its transfer syntaxes.
    """

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    is_class_accepted: bool

    @property
    def explanation(self) -> str:
        """Say what to change so that it is accepted."""
        if not self.is_class_accepted:
            return f"{self.abstract_syntax}: {_explain_class(self.abstract_syntax)}"
        options = sorted(_options_of(self.transfer_syntaxes)) or ["AcceptedTransferSyntaxes"]
        proposed = ", ".join(self.transfer_syntaxes)
        return (
            f"{self.abstract_syntax}: none of the proposed transfer syntaxes ({proposed}) is "
            f"accepted; see {' or '.join(options)}"
        )


def _explain_class(sop_class_uid: str) -> str:
    """Say why a class is not accepted, and what would let it in."""
    if sop_class_uid == MODALITY_WORKLIST_FIND:
        return "worklists are not served; set Enable in the section Worklists to true"
    if not is_known_uid(sop_class_uid):
        return "the class is not accepted; see UnknownSopClassAccepted"
    return "the class is not accepted; see AcceptedSopClasses or RejectedSopClasses"


def _options_of(syntaxes: Sequence[str]) -> set[str]:
    options = (transfer_syntax(uid).option for uid in syntaxes)
    return {option for option in options if option}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One association that was refused or aborted.

    Attributes
    ----------
    date : str
        When, ISO basic, UTC.
    reasons : tuple of str
        Which check failed, and which option changes it, in words.
    """

    date: str
    outcome: Outcome
    calling_aet: str
    called_aet: str
    remote_ip: str
    reasons: tuple[str, ...]
    refused_contexts: tuple[ProposedContext, ...] = ()

    @property
    def explanations(self) -> tuple[str, ...]:
        """Return all that can be said: the reasons, what was not agreed upon, what came of it."""
        told = self.reasons + tuple(context.explanation for context in self.refused_contexts)
        if self.outcome is Outcome.ABORTED_THERE:
            told += ("The peer aborted, or closed the connection without a release",)
        return told
