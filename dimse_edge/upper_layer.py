"""pynetdicom's upper layer without its thread: whoever waits for a PDU reads it himself.

The state machine, the PDUs and the primitives are pynetdicom's. Its reactor, which looks at the
socket and at three queues a thousand times a second and hands each message from one thread to
another, is replaced by blocking reads, and the fragments of a data set go from the socket's buffer
to the DIMSE provider without being decoded into objects.
"""

from __future__ import annotations

import contextlib
import select
import struct
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ABORT,
    A_ASSOCIATE,
    A_P_ABORT,
    A_RELEASE,
    _PDUPrimitiveType,
)
from pynetdicom.transport import AssociationSocket

from dimse_edge.command import ProtocolError
from dimse_edge.fragments import Buffer, iter_values
from dimse_edge.negotiation import MOST_CONTEXTS
from dimse_edge.transport import P_DATA_TF, ConnectionEnded, PduSocket

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

_PDU = struct.Struct(">BBL")
_CLOSING_SECONDS = 5.0
_DATA_TRANSFER = "Sta6"
_AWAITING_CLOSE = "Sta13"
_CONNECTION_CLOSED = "Evt17"
_INVALID_PDU = "Evt19"
_PEER_CLOSED = getattr(select, "POLLRDHUP", select.POLLHUP)


class UpperLayer(DULServiceProvider):
    """The upper layer of one association, driven by the association's thread."""

    def start(self) -> None:
        """Take the connection up (PS3.8 AE-5)."""
        self._run_events()

    def is_alive(self) -> bool:
        """Tell whether the connection is still to be looked after."""
        return not self._kill_thread

    def stop_dul(self) -> bool:
        """Do nothing: there is no thread to stop."""
        return True

    def send_pdu(self, primitive: _PDUPrimitiveType) -> None:
        """Send a primitive before returning; nothing happens where the connection is closed."""
        if self._kill_thread:
            return
        super().send_pdu(primitive)
        self._process_recv_primitive()
        self._run_events()

    def receive_pdu(
        self, wait: bool = False, timeout: float | None = None
    ) -> A_ASSOCIATE | A_RELEASE | A_ABORT | A_P_ABORT | None:
        """Return the next primitive of the association service, None if none came in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while wait and self.to_user_queue.empty() and self._is_open():
            remaining = None if deadline is None else deadline - time.monotonic()
            if not self.pump(remaining):
                break
        return super().receive_pdu()

    def pump(self, timeout: float | None) -> bool:
        """Wait for one PDU and act upon it; False if none came in time."""
        try:
            pdu_type, pdu = cast(PduSocket, self.socket).read_pdu(timeout)
            if pdu_type == P_DATA_TF and self.state_machine.current_state == _DATA_TRANSFER:
                self._pass_fragments(pdu)
            else:
                self._receive(pdu)
        except TimeoutError:
            return False
        except ConnectionEnded:
            self.event_queue.put(_CONNECTION_CLOSED)
        except ProtocolError:
            self.event_queue.put(_INVALID_PDU)
        self._run_events()
        return True

    def _pass_fragments(self, pdu: memoryview) -> None:
        """Hand the presentation data values of a P-DATA-TF on. See PS3.8 9.3.5."""
        for context_id, control, fragment in iter_values(pdu[_PDU.size :]):
            self._edge.dimse.receive_fragment(context_id, control, fragment)

    def _receive(self, encoded: memoryview) -> None:
        try:
            pdu, event = self._decode_pdu(bytearray(encoded))
            primitive = pdu.to_primitive()  # what the state machine could not convert is invalid
        except Exception as exc:
            raise ProtocolError("a PDU cannot be decoded") from exc
        if isinstance(pdu, A_ASSOCIATE_RQ) and len(pdu.presentation_context) > MOST_CONTEXTS:
            raise ProtocolError("there are more presentation contexts than ids")
        # Of a hundred contexts it takes milliseconds: the state machine need not do it again.
        vars(pdu)["to_primitive"] = lambda: primitive
        self._recv_pdu.put(pdu)
        self.event_queue.put(event)

    def send_buffers(self, buffers: Sequence[Buffer]) -> None:
        """Send P-DATA-TFs, encoded; nothing happens where data may not be sent any more."""
        if self.state_machine.current_state != _DATA_TRANSFER:
            return
        try:
            cast(PduSocket, self.socket).send_buffers(buffers)
        except ConnectionEnded:
            self.event_queue.put(_CONNECTION_CLOSED)
        self._run_events()

    def has_arrived(self) -> bool:
        """Tell, without waiting, whether there is something to be read."""
        return self._is_open() and cast(PduSocket, self.socket).has_arrived()

    @property
    def may_send_data(self) -> bool:
        """Tell whether the association is up, and the peer has not asked for its end."""
        return self.state_machine.current_state == _DATA_TRANSFER and self.peek_next_pdu() is None

    def wait_for_close(self, seconds: float) -> bool:
        """Wait a while; True as soon as the peer has closed the connection."""
        connection = cast(AssociationSocket, self.socket).socket
        if connection is None:
            return True
        poll = select.poll()
        poll.register(connection, _PEER_CLOSED)
        return bool(poll.poll(seconds * 1000))

    def finish(self) -> None:
        """Let the peer close the connection, for a while, whatever it still sends; then close it.

        See PS3.8 9.2.2, state 13.
        """
        connection = cast(PduSocket, self.socket)
        deadline = time.monotonic() + _CLOSING_SECONDS
        if self.state_machine.current_state == _AWAITING_CLOSE:
            with contextlib.suppress(ConnectionEnded, TimeoutError):
                while (remaining := deadline - time.monotonic()) > 0:
                    connection.discard(remaining)
        self.event_queue.put(_CONNECTION_CLOSED)
        self._run_events()
        connection._shutdown_socket()

    def _is_open(self) -> bool:
        return self.is_alive() and self.state_machine.current_state != _AWAITING_CLOSE

    def _run_events(self) -> None:
        while not (self._kill_thread or self.event_queue.empty()):
            self.state_machine.do_action(self.event_queue.get())

    @property
    def _edge(self) -> EdgeAssociation:
        return cast("EdgeAssociation", self.assoc)
