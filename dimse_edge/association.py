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

from dimse_edge.access import Peer, Rules, service_of
from dimse_edge.acse import AssociationControl
from dimse_edge.command import Command, Field
from dimse_edge.dimse import DimseProvider
from dimse_edge.ending import Ending
from dimse_edge.negotiation import ACCEPTED, Roles
from dimse_edge.reception import Reception
from dimse_edge.request import Request
from dimse_edge.scp.handlers import HANDLERS, is_in_place
from dimse_edge.scp.storing import Storing
from dimse_edge.site import Site
from dimse_edge.statuses import (
    SOP_CLASS_NOT_SUPPORTED,
    UNABLE_TO_PROCESS,
    query_status,
)
from dimse_edge.transport import PduSocket
from dimse_edge.upper_layer import UpperLayer
from nephele.domain.refusals import Outcome
from nephele.errors import NepheleError, NetworkProtocol
from nephele.logs import logger

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
        self.begun = time.monotonic()
        self.acse = AssociationControl(self)
        self.dul = UpperLayer(self)
        self.dimse = DimseProvider(self)
        self.acse_timeout = entity.acse_timeout
        self.network_timeout = entity.network_timeout
        self.proposed_roles: Roles = {}
        self.storing = Storing(self)
        self.ending = Ending(self)
        self._ended = ended
        self._describe(entity, connection)

    def _describe(self, entity: ApplicationEntity, connection: socket.socket) -> None:
        self.transport = PduSocket(self, connection, entity.maximum_pdu_size)
        self.set_socket(self.transport)
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

    def rules(self) -> Rules:
        """Return what decides who may do what: as modalities are when the association begins."""
        return self.site.rules(self.begun)

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
        service = service_of(command.field, abstract_syntax)
        rules = self.rules()
        is_implemented = command.field == Field.C_STORE or command.field in HANDLERS
        if is_implemented and service is not None and rules.is_allowed(service, self.peer):
            return True
        self.ending.note_refusal(service, command.field)
        self.abort()
        return False

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
                if response.responded_to == message_id:
                    return response.status
            if not self.dul.may_send_data:
                raise NetworkProtocol("the peer ends the association")
            if not self.dul.pump(self.network_timeout):
                self.abort()
                raise NetworkProtocol("the peer does not answer")

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
            self.ending.report()
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
                self.ending.note_silence()
                self.abort()
        elif self.acse.is_release_requested():
            self._confirm_release()
        else:
            self.is_aborted = True
            self.is_established = False

    def _confirm_release(self) -> None:
        """Confirm the release as soon as all that was sent can be read."""
        self.storing.settle()
        self.acse.send_release(is_response=True)
        self.is_released = True
        self.is_established = False

    def _serve_request(self, msg: DimseServiceType | Reception | Request, context_id: int) -> None:
        if isinstance(msg, Reception):
            self.storing.serve(msg)
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

    def kill(self) -> None:
        """End the association's loop."""
        self._kill = True
        self.is_established = False

    def _abort_blocking(self, block: bool = True) -> None:
        if self._sent_abort or self.is_released:
            return
        self._sent_abort = True
        self.ending.outcome = Outcome.ABORTED_HERE
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
