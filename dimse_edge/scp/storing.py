"""C-STORE: what comes over an association is stored, no faster than it is indexed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dimse_edge.backlog import Backlog
from dimse_edge.credit import credit
from dimse_edge.reception import Reception
from dimse_edge.statuses import OUT_OF_RESOURCES, SUCCESS, store_status
from dimse_edge.store import store
from nephele.aws import clock
from nephele.domain.provenance import Origin, Provenance
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.receive import unindexed

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation


class Storing:
    """The instances of one association, from the first to the release.

    Attributes
    ----------
    counts : dict
        Instances `stored` and `failed`, and `bytes` stored, as the log tells them.
    """

    def __init__(self, association: EdgeAssociation) -> None:
        site = association.site
        self._association = association
        self._archive = site.archive
        self._backlog = Backlog(lambda receipts: unindexed(site.archive, receipts), site.indexing)
        self.counts = {"stored": 0, "failed": 0, "bytes": 0}

    def serve(self, reception: Reception) -> None:
        """Store an instance, and answer as soon as what came before is on its way."""
        association = self._association
        try:
            status, comment = self._store(reception)
            if status == SUCCESS:
                self._backlog.hold(association.dul.wait_for_close)
            association.dimse.respond(reception, status, comment)
        finally:
            reception.close()

    def settle(self) -> None:
        """Wait until all that was stored can be read, for a while."""
        if not self._backlog.settle(self._association.dul.wait_for_close):
            logger.info("released before indexed", extra={"pending": len(self._backlog)})

    def _store(self, reception: Reception) -> tuple[int, str]:
        facts = {"sop_instance_uid": reception.request.sop_instance_uid[:128]}
        try:
            receipt = store(self._archive, reception, self._provenance())
        except NepheleError as error:
            self.counts["failed"] += 1
            facts |= {"error": type(error).__name__, "reason": str(error)}
            logger.warning("instance refused", extra={**self._association.facts, **facts})
            return store_status(error), str(error)
        except Exception:  # noqa: BLE001  the outermost boundary of a request
            self.counts["failed"] += 1
            logger.exception("instance failed", extra={**self._association.facts, **facts})
            return OUT_OF_RESOURCES, ""
        self.counts["stored"] += 1
        self.counts["bytes"] += reception.size_bytes
        self._backlog.add(receipt)
        credit(self._archive, reception.request, receipt)
        return SUCCESS, ""

    def _provenance(self) -> Provenance:
        peer = self._association.peer
        return Provenance(
            origin=Origin.DICOM_PROTOCOL,
            received=clock.now(),
            remote_aet=peer.aet,
            called_aet=self._association.called_aet,
            remote_ip=peer.address,
        )
