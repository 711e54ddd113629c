"""How an association ended: a line in the log, and an explanation where it was refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dimse_edge import refusals
from dimse_edge.access import Service
from dimse_edge.acse import Rejection
from dimse_edge.health import is_own
from nephele.aws import clock
from nephele.domain.refusals import Outcome, Refusal
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.refusals import keep_refusal

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation


class Ending:
    """What is told of an association when it is over.

    Attributes
    ----------
    outcome : Outcome
        How it ended, unless it was released.
    """

    def __init__(self, association: EdgeAssociation) -> None:
        self._association = association
        self._reasons: list[str] = []
        self.outcome = Outcome.ABORTED_THERE

    def note_rejection(self, rejection: Rejection) -> None:
        """Remember why the association is rejected, for who has to make it work."""
        association = self._association
        self.outcome = Outcome.REJECTED
        self._reasons.append(
            refusals.explain_rejection(
                rejection, association.rules(), association.peer, association.called_aet
            )
        )

    def note_refusal(self, service: Service | None, command_field: int) -> None:
        """Remember which request the association is aborted for."""
        association = self._association
        self._reasons.append(
            refusals.explain_request(service, command_field, association.rules(), association.peer)
        )
        facts = {"command_field": f"{command_field:#06x}"}
        logger.warning("request refused", extra={**association.facts, **facts})

    def note_silence(self) -> None:
        """Remember that the peer said nothing for too long."""
        logger.warning("association timed out", extra=self._association.facts)
        self._reasons.append(refusals.SILENT)

    def report(self) -> None:
        """Log how it went; who only opened and closed the connection is not worth a line."""
        association = self._association
        peer = association.peer
        if association.transport.failure and association.requestor.primitive is None:
            self._report_tls(association.transport.failure)
            return
        if association.requestor.primitive is None or is_own(peer.aet, peer.address):
            return
        seconds = round(time.monotonic() - association.begun, 3)
        counts = {**association.storing.counts, "seconds": seconds}
        outcome = {"outcome": self._word}
        logger.info("association ended", extra={**association.facts, **outcome, **counts})
        if not association.is_released:
            self._keep()

    def _report_tls(self, failure: str) -> None:
        """Tell why there was not even a connection to ask for an association over."""
        logger.warning("no TLS connection", extra={**self._association.facts, "reason": failure})
        self.outcome = Outcome.ABORTED_HERE
        self._reasons.append(failure)
        self._keep()

    @property
    def _word(self) -> str:
        if self._association.is_released:
            return "released"
        return "rejected" if self.outcome is Outcome.REJECTED else "aborted"

    def _keep(self) -> None:
        """Keep an explanation where it can be read over REST; the peer is gone already."""
        association = self._association
        refusal = Refusal(
            date=clock.now(),
            outcome=self.outcome,
            calling_aet=association.peer.aet,
            called_aet=association.called_aet,
            remote_ip=association.peer.address,
            reasons=tuple(self._reasons),
            refused_contexts=refusals.refused_contexts(association.rejected_contexts),
        )
        try:
            keep_refusal(association.site.archive, refusal)
        except NepheleError as error:
            logger.warning("refusal not kept", extra={"error": type(error).__name__})
