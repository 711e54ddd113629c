"""One association: a thread that reads, serves and answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import DimseServiceType
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation

from dimse_edge import access
from dimse_edge.access import Peer, Service
from dimse_edge.acse import AssociationControl
from dimse_edge.backlog import Backlog
from dimse_edge.command import Command
from dimse_edge.dimse import DimseProvider
from dimse_edge.negotiation import ACCEPTED
from dimse_edge.reception import Reception
from dimse_edge.site import Site
from dimse_edge.statuses import OUT_OF_RESOURCES, SUCCESS, store_status
from dimse_edge.store import store
from dimse_edge.transport import PduSocket
from dimse_edge.upper_layer import UpperLayer
from nephele.aws import clock
from nephele.domain.provenance import Origin, Provenance
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.receive import unindexed

_IMPLEMENTED = frozenset({Service.STORE, Service.ECHO})
_ABORT = b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"


class EdgeAssociation(Association):
    """An association that was accepted by the edge; `start` runs it.

    Parameters
    ----------
    ended : callable
        Called at the very end, with the association.
    """

    acse: AssociationControl
    dul: UpperLayer
    dimse: DimseProvider

    def __init__(
        self, site: Site, connection: socket.socket, ended: Callable[[EdgeAssociation], None]
    ) -> None:
        entity = site.entity
        super().__init__(entity, MODE_ACCEPTOR)
        self.site = site
        self.acse = AssociationControl(self)
        self.dul = UpperLayer(self)
        self.dimse = DimseProvider(self)
        self.acse_timeout = entity.acse_timeout
        self.network_timeout = entity.network_timeout
        self.backlog = Backlog(lambda receipts: unindexed(site.archive, receipts), site.indexing)
        self._ended = ended
        self._opened = time.monotonic()
        self._stored = self._failed = self._bytes = 0
        self._describe(entity, connection)

    def _describe(self, entity: ApplicationEntity, connection: socket.socket) -> None:
        self.set_socket(PduSocket(self, connection, entity.maximum_pdu_size))
        self.acceptor.ae_title = entity.ae_title
        self.acceptor.maximum_length = entity.maximum_pdu_size
        self.acceptor.implementation_class_uid = entity.implementation_class_uid
        self.acceptor.implementation_version_name = entity.implementation_version_name
        self.acceptor.address_info = AddressInformation.from_tuple(connection.getsockname())
        self.requestor.address_info = AddressInformation.from_tuple(connection.getpeername())

    @property
    def peer(self) -> Peer:
        """Return who is on the other side."""
        info = self.requestor.address_info
        address = "" if info is None else info.address.removeprefix("::ffff:")
        return Peer(self.requestor.ae_title.strip(), address)

    @property
    def called_aet(self) -> str:
        """Return how the peer calls the edge."""
        request = self.requestor.primitive
        return "" if request is None else (request.called_ae_title or "").strip()

    def keep_contexts(self, contexts: list[PresentationContext]) -> None:
        """Keep the outcome of the negotiation."""
        self._accepted_cx = {
            context.context_id: context
            for context in contexts
            if context.result == ACCEPTED and context.context_id is not None
        }
        self._rejected_cx = [context for context in contexts if context.result != ACCEPTED]

    def accepted_transfer_syntax(self, context_id: int) -> str | None:
        """Return the transfer syntax of a context, None if the context was not accepted."""
        context = self._accepted_cx.get(context_id)
        return None if context is None else str(context.transfer_syntax[0])

    def admit(self, command: Command) -> bool:
        """Let a request in or, if the peer may not make it, abort the association."""
        service = access.SERVICES.get(command.field)
        if service in _IMPLEMENTED and access.is_allowed(
            self.site.configuration, service, self.peer
        ):
            return True
        logger.warning(
            "request refused", extra={**self._facts(), "command_field": f"{command.field:#06x}"}
        )
        self.abort()
        return False

    def run_reactor(self) -> None:
        """Run the association from the first PDU to the end of the connection."""
        try:
            self._serve()
        except Exception:  # noqa: BLE001  the outermost boundary of an association
            logger.exception("association failed", extra=self._facts())
            self.cut()
        finally:
            self.dimse.discard()
            self._report()
            self._ended(self)

    def _serve(self) -> None:
        self.dul.start()
        request = self.dul.receive_pdu(wait=True, timeout=self.acse_timeout)
        if isinstance(request, A_ASSOCIATE):
            self.requestor.primitive = request
            self.acse.negotiate_association()
        while self.is_established:
            self._serve_next()
        self.dul.finish()

    def _serve_next(self) -> None:
        context_id, message = self.dimse.get_msg()
        if message is not None and context_id is not None:
            self._serve_request(message, context_id)
        elif self.dul.peek_next_pdu() is None:
            if not self.dul.pump(self.network_timeout):
                logger.warning("association timed out", extra=self._facts())
                self.abort()
        elif self.acse.is_release_requested():
            self._confirm_release()
        else:
            self.is_aborted = True
            self.is_established = False

    def _confirm_release(self) -> None:
        """Confirm the release as soon as all that was sent can be read."""
        if not self.backlog.settle(self.dul.wait_for_close):
            logger.info("released before indexed", extra={"pending": len(self.backlog)})
        self.acse.send_release(is_response=True)
        self.is_released = True
        self.is_established = False

    def _serve_request(self, msg: DimseServiceType, context_id: int) -> None:
        if isinstance(msg, Reception):
            self._serve_store(msg)
        else:
            super()._serve_request(msg, context_id)

    def _serve_store(self, reception: Reception) -> None:
        try:
            status, comment = self._store(reception)
            if status == SUCCESS:
                self.backlog.hold(self.dul.wait_for_close)
            self.dimse.respond(reception, status, comment)
        finally:
            reception.close()

    def _store(self, reception: Reception) -> tuple[int, str]:
        facts = {"sop_instance_uid": reception.request.sop_instance_uid[:128]}
        try:
            receipt = store(self.site.archive, reception, self._provenance())
        except NepheleError as error:
            self._failed += 1
            facts |= {"error": type(error).__name__, "reason": str(error)}
            logger.warning("instance refused", extra={**self._facts(), **facts})
            return store_status(error), str(error)
        except Exception:  # noqa: BLE001  the outermost boundary of a request
            self._failed += 1
            logger.exception("instance failed", extra={**self._facts(), **facts})
            return OUT_OF_RESOURCES, ""
        self._stored += 1
        self._bytes += reception.size_bytes
        self.backlog.add(receipt)
        return SUCCESS, ""

    def _provenance(self) -> Provenance:
        peer = self.peer
        return Provenance(
            origin=Origin.DICOM_PROTOCOL,
            received=clock.now(),
            remote_aet=peer.aet,
            called_aet=self.called_aet,
            remote_ip=peer.address,
        )

    def kill(self) -> None:
        """End the association's loop."""
        self._kill = True
        self.is_established = False

    def _abort_blocking(self, block: bool = True) -> None:
        if self._sent_abort or self.is_released:
            return
        self._sent_abort = True
        self.acse.send_abort(0x00)

    def cut(self) -> None:
        """Abort from outside of the association's thread, or when nothing else works."""
        connection = None if self.dul.socket is None else self.dul.socket.socket
        if connection is None:
            return
        try:
            connection.send(_ABORT, socket.MSG_DONTWAIT)
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            logger.debug("the connection was gone already")

    def _facts(self) -> dict[str, str]:
        peer = self.peer
        return {
            "calling_aet": peer.aet,
            "called_aet": self.called_aet,
            "remote_ip": peer.address,
        }

    def _report(self) -> None:
        """Log how it went; who only opened and closed the connection is not worth a line."""
        if self.requestor.primitive is None:
            return
        outcome = "released" if self.is_released else "rejected" if self.is_rejected else "aborted"
        counts = {
            "outcome": outcome,
            "stored": self._stored,
            "failed": self._failed,
            "bytes": self._bytes,
            "seconds": round(time.monotonic() - self._opened, 3),
        }
        logger.info("association ended", extra={**self._facts(), **counts})
