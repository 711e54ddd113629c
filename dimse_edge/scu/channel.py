"""The association instances are sent over: opened when it is needed, and again when it must be."""

from __future__ import annotations

from collections.abc import Iterable

from dimse_edge.scu import offers
from dimse_edge.scu.association import Association
from dimse_edge.scu.offers import Kind
from dimse_edge.scu.requests import Destination, Proposal
from nephele.domain.resources import Resource
from nephele.errors import NetworkProtocol, NoPresentationContext

_MOST_KINDS = 40


class Channel:
    """One association after the other to the same destination, for instances of known kinds.

    Parameters
    ----------
    preferred : str
        Transfer syntax to transcode to where the peer takes it.
    first : str
        Transfer syntax that is tried first, before the one an instance is stored in; "" for none.

    Attributes
    ----------
    is_transcoding : bool
        Instances may be sent in another transfer syntax than they are stored in.
    association : Association or None
        The last one that was opened.
    """

    def __init__(
        self, destination: Destination, preferred: str, first: str, *, is_transcoding: bool
    ) -> None:
        self._destination = destination
        self._preferred = preferred
        self._first = first
        self.is_transcoding = is_transcoding
        self.association: Association | None = None
        self._kinds: dict[Kind, None] = {}
        self._proposed: frozenset[Kind] = frozenset()

    def expect(self, kinds: Iterable[Kind]) -> None:
        """Take notice of what is sent next; open an association for it unless there is one."""
        following = list(kinds)
        self._kinds |= dict.fromkeys(following)
        if following and (self.association is None or not self.association.is_open):
            self.open_for(following[0])

    def open_for(self, kind: Kind) -> Association:
        """Return an association that was asked for this kind of instance."""
        current = self.association
        if current is not None and current.is_open:
            if kind in self._proposed:
                return current
            current.release()
        self._kinds.setdefault(kind)
        kinds = [kind, *(other for other in self._kinds if other != kind)][:_MOST_KINDS]
        contexts = offers.contexts_for(kinds, self._preferred, is_transcoding=self.is_transcoding)
        self.association = Association(self._destination, Proposal(contexts))
        self._proposed = frozenset(kinds)
        return self.association

    def wanted(self, resource: Resource) -> list[str]:
        """Return the syntaxes to read an instance in; its own where nothing is agreed yet."""
        kind = kind_of(resource)
        if self.association is None or kind not in self._proposed:
            return [kind.transfer_syntax_uid]
        try:
            return self.syntaxes(self.association, kind)
        except (NoPresentationContext, NetworkProtocol):
            return []

    def syntaxes(self, association: Association, kind: Kind) -> list[str]:
        """Return the transfer syntaxes to send an instance in, the first that works.

        Raises
        ------
        NoPresentationContext
            The peer does not take its SOP class.
        NetworkProtocol
            The peer takes it in no transfer syntax it can be had in.
        """
        accepted = {
            context.transfer_syntaxes[0]
            for context in association.contexts.values()
            if context.abstract_syntax == kind.sop_class_uid
        }
        if not accepted:
            raise NoPresentationContext(
                f"{self._destination}: it takes no SOP class {kind.sop_class_uid}"
            )
        first = [self._first] if self.is_transcoding and self._first in accepted else []
        if kind.transfer_syntax_uid in accepted:
            return list(dict.fromkeys([*first, kind.transfer_syntax_uid]))
        targets = offers.attempts(kind, accepted, self._preferred) if self.is_transcoding else []
        if not targets:
            raise NetworkProtocol(self.no_context(kind))
        return targets

    def no_context(self, kind: Kind) -> str:
        """Say that an instance cannot be sent in any transfer syntax."""
        return (
            f"{self._destination}: no valid presentation context for SOP class"
            f" {kind.sop_class_uid} in transfer syntax {kind.transfer_syntax_uid}"
        )

    def close(self, *, is_failed: bool) -> None:
        """Release the association, or abort it."""
        if self.association is not None and is_failed:
            self.association.abort()
        elif self.association is not None:
            self.association.release()


def kind_of(resource: Resource) -> Kind:
    """Return the kind of an instance."""
    return Kind(
        resource.metadata.get("SopClassUid", ""), resource.metadata.get("TransferSyntax", "")
    )
