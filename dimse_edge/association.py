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

from dimse_edge import access, refusals
from dimse_edge.access import Peer
from dimse_edge.acse import AssociationControl, Rejection
from dimse_edge.backlog import Backlog
from dimse_edge.command import C_STORE_RQ, Command
from dimse_edge.credit import credit
from dimse_edge.dimse import DimseProvider
from dimse_edge.health import is_own
from dimse_edge.negotiation import ACCEPTED, Roles
from dimse_edge.reception import Reception
from dimse_edge.request import Request
from dimse_edge.scp.handlers import HANDLERS, is_in_place
from dimse_edge.site import Site
from dimse_edge.statuses import (
    OUT_OF_RESOURCES,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    UNABLE_TO_PROCESS,
    query_status,
    store_status,
)
from dimse_edge.store import store
from dimse_edge.transport import PduSocket
from dimse_edge.upper_layer import UpperLayer
from nephele.aws import clock
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.refusals import Outcome, Refusal
from nephele.errors import NepheleError, NetworkProtocol
from nephele.logs import logger
from nephele.services.receive import unindexed
from nephele.services.refusals import keep_refusal

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
        self.proposed_roles: Roles = {}
        self._reasons: list[str] = []
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

    def keep_contexts(self, contexts: list[PresentationContext], roles: Roles) -> None:
        """Keep the outcome of the negotiation, and the roles the peer has proposed."""
        self.proposed_roles = roles
        self._accepted_cx = {
            context.context_id: context
            for context in contexts
            if context.result == ACCEPTED and context.context_id is not None
        }
        self._rejected_cx = [context for context in contexts if context.result != ACCEPTED]

    def accepted_context(self, context_id: int) -> tuple[str, str] | None:
        """Return abstract and transfer syntax of a context, None if it was not accepted."""
        context = self._accepted_cx.get(context_id)
        if context is None:
            return None
        return str(context.abstract_syntax), str(context.transfer_syntax[0])

    def accepted_contexts_by_id(self) -> dict[int, tuple[str, str]]:
        """Return abstract and transfer syntax of the accepted contexts, in their order."""
        return {
            context_id: (str(context.abstract_syntax), str(context.transfer_syntax[0]))
            for context_id, context in self._accepted_cx.items()
        }

    def admit(self, command: Command, abstract_syntax: str) -> bool:
        """Let a request in or, if the peer may not make it, abort the association."""
        service = access.service_of(command.field, abstract_syntax)
        is_implemented = command.field == C_STORE_RQ or command.field in HANDLERS
        if is_implemented and service is not None and self._is_allowed(service):
            return True
        self._reasons.append(
            refusals.explain_request(
                service,
                command.field,
                self.site.configuration,
                self.peer,
                self.site.modalities(),
            )
        )
        logger.warning(
            "request refused", extra={**self.facts, "command_field": f"{command.field:#06x}"}
        )
        self.abort()
        return False

    def _is_allowed(self, service: access.Service) -> bool:
        return access.is_allowed(
            self.site.configuration, service, self.peer, self.site.modalities()
        )

    def is_stopped(self, request: Request) -> bool:
        """Tell whether a request that is being served has been cancelled, or nobody waits for it.

        What has come meanwhile is read, as far as it is there.
        """
        while self.dul.has_arrived() and self.dul.may_send_data:
            if not self.dul.pump(self.network_timeout):
                break
        return self.is_cancelled(request) or not self.dul.may_send_data

    def await_response(self, message_id: int) -> int:
        """Wait for the response to a request of the edge's own, and return its status.

        Raises
        ------
        NetworkProtocol
            The peer has ended the association, or does not answer.
        """
        while True:
            while self.dimse.responses:
                response = self.dimse.responses.popleft()
                if response.responded_to == message_id and response.status is not None:
                    return response.status
            if not self.dul.may_send_data:
                raise NetworkProtocol("the peer ends the association")
            if not self.dul.pump(self.network_timeout):
                self.abort()
                raise NetworkProtocol("the peer does not answer")

    def note_rejection(self, rejection: Rejection) -> None:
        """Remember why the association is rejected, for who has to make it work."""
        reason = refusals.explain_rejection(
            rejection,
            self.site.configuration,
            self.peer,
            self.called_aet,
            self.site.modalities(),
        )
        self._reasons.append(reason)

    def is_cancelled(self, request: Request) -> bool:
        """Tell whether a C-CANCEL for a request has been read."""
        return self.dimse.cancelled == request.command.message_id

    def run_reactor(self) -> None:
        """Run the association from the first PDU to the end of the connection."""
        try:
            self._serve()
        except Exception:  # noqa: BLE001  the outermost boundary of an association
            logger.exception("association failed", extra=self.facts)
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
                logger.warning("association timed out", extra=self.facts)
                self._reasons.append(refusals.SILENT)
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

    def _serve_request(self, msg: DimseServiceType | Reception | Request, context_id: int) -> None:
        if isinstance(msg, Reception):
            self._serve_store(msg)
        elif isinstance(msg, Request):
            self._serve_other(msg)

    def _serve_other(self, request: Request) -> None:
        facts = {"command_field": f"{request.command.field:#06x}"}
        if not is_in_place(request):
            self.dimse.respond(request, SOP_CLASS_NOT_SUPPORTED)
            return
        try:
            HANDLERS[request.command.field](self, request)
        except NepheleError as error:
            facts |= {"error": type(error).__name__, "reason": str(error)}
            logger.warning("request failed", extra={**self.facts, **facts})
            self.dimse.respond(request, query_status(error), str(error))
        except Exception:  # noqa: BLE001  the outermost boundary of a request
            logger.exception("request failed", extra={**self.facts, **facts})
            self.dimse.respond(request, UNABLE_TO_PROCESS)

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
            logger.warning("instance refused", extra={**self.facts, **facts})
            return store_status(error), str(error)
        except Exception:  # noqa: BLE001  the outermost boundary of a request
            self._failed += 1
            logger.exception("instance failed", extra={**self.facts, **facts})
            return OUT_OF_RESOURCES, ""
        self._stored += 1
        self._bytes += reception.size_bytes
        self.backlog.add(receipt)
        credit(self.site.archive, reception.request, receipt)
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

    @property
    def facts(self) -> dict[str, str]:
        """Return what log lines tell of the association."""
        peer = self.peer
        return {
            "calling_aet": peer.aet,
            "called_aet": self.called_aet,
            "remote_ip": peer.address,
        }

    def _report(self) -> None:
        """Log how it went; who only opened and closed the connection is not worth a line."""
        if self.requestor.primitive is None or is_own(self.peer.aet, self.peer.address):
            return
        outcome = "released" if self.is_released else "rejected" if self.is_rejected else "aborted"
        counts = {
            "outcome": outcome,
            "stored": self._stored,
            "failed": self._failed,
            "bytes": self._bytes,
            "seconds": round(time.monotonic() - self._opened, 3),
        }
        logger.info("association ended", extra={**self.facts, **counts})
        if not self.is_released:
            self._keep_refusal()

    def _keep_refusal(self) -> None:
        """Keep an explanation where it can be read over REST; the peer is gone already."""
        try:
            keep_refusal(
                self.site.archive,
                Refusal(
                    date=clock.now(),
                    outcome=self._outcome,
                    calling_aet=self.peer.aet,
                    called_aet=self.called_aet,
                    remote_ip=self.peer.address,
                    reasons=tuple(self._reasons),
                    refused_contexts=refusals.refused_contexts(self._rejected_cx),
                ),
            )
        except NepheleError as error:
            logger.warning("refusal not kept", extra={"error": type(error).__name__})

    @property
    def _outcome(self) -> Outcome:
        if self.is_rejected:
            return Outcome.REJECTED
        return Outcome.ABORTED_HERE if self._sent_abort else Outcome.ABORTED_THERE
