"""What comes over an association that the edge has requested: messages, put together from PDUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dimse_edge.command import Command, ProtocolError, parse_command
from dimse_edge.fragments import IS_COMMAND, IS_LAST, iter_values
from dimse_edge.scu.wire import AssociationEnded, Wire
from dimse_edge.transport import P_DATA_TF

A_ABORT = 0x07
_A_RELEASE_RQ = 0x05
_RELEASE_RESPONSE = b"\x06\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_LONGEST_COMMAND = 1 << 16
_LONGEST_IDENTIFIER = 1 << 24

Sink = Callable[[memoryview], None]
"""Takes the bytes of a data set as they come."""
SinkFor = Callable[[int, Command], Sink | None]
"""Returns where the data set of a command goes, by the id of its context; None keeps it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that has come; the data set is empty where a sink took it."""

    context_id: int
    command: Command
    data_set: bytes = b""


class Incoming:
    """The messages of a connection, one after the other.

    All methods raise AssociationEnded when the peer ends the association, PeerTimeout when it is
    silent, and ProtocolError when it breaks the protocol.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting: list[tuple[int, int, memoryview]] = []

    def receive(self, timeout: float | None, sink_for: SinkFor | None) -> Message:
        """Wait for the next message, for its first PDU so many seconds."""
        context_id, command = self._receive_command(timeout)
        if not command.has_data_set:
            return Message(context_id, command)
        sink = sink_for(context_id, command) if sink_for is not None else None
        if sink is not None:
            self._receive_data_set(context_id, sink)
            return Message(context_id, command)
        identifier = bytearray()

        def keep(fragment: memoryview) -> None:
            identifier.extend(fragment)
            if len(identifier) > _LONGEST_IDENTIFIER:
                raise ProtocolError("it sends an identifier that is too long")

        self._receive_data_set(context_id, keep)
        return Message(context_id, command, bytes(identifier))

    def has_arrived(self) -> bool:
        """Tell whether something has come that was not received yet."""
        return bool(self._waiting) or self._wire.has_arrived()

    def _receive_command(self, timeout: float | None) -> tuple[int, Command]:
        encoded = bytearray()
        begun: int | None = None
        while True:
            context_id, control, fragment = self._next_value(timeout)
            if not control & IS_COMMAND:
                raise ProtocolError("it sends a data set without a command")
            begun = context_id if begun is None else begun
            _require_context(begun, context_id)
            encoded += fragment
            if len(encoded) > _LONGEST_COMMAND:
                raise ProtocolError("it sends a command that is too long")
            if control & IS_LAST:
                return context_id, parse_command(encoded)

    def _receive_data_set(self, begun: int, sink: Sink) -> None:
        is_last = False
        while not is_last:
            context_id, control, fragment = self._next_value(None)
            if control & IS_COMMAND:
                raise ProtocolError("it sends a command within a data set")
            _require_context(begun, context_id)
            sink(fragment)
            is_last = bool(control & IS_LAST)

    def _next_value(self, timeout: float | None) -> tuple[int, int, memoryview]:
        """Return context, control header and bytes of the next presentation data value."""
        while not self._waiting:
            pdu_type, body = self._wire.read_pdu(timeout)
            if pdu_type == P_DATA_TF:
                self._waiting = list(iter_values(memoryview(body)))[::-1]
            elif pdu_type == _A_RELEASE_RQ:
                self._wire.send(_RELEASE_RESPONSE)
                raise AssociationEnded("it has released the association")
            elif pdu_type == A_ABORT:
                raise AssociationEnded("it has aborted the association")
            else:
                raise ProtocolError("it sends a PDU that has no place here")
        return self._waiting.pop()


def _require_context(begun: int, context_id: int) -> None:
    """Raise ProtocolError unless a fragment is of the message that has begun. See PS3.8 E.2."""
    if context_id != begun:
        raise ProtocolError("it sends one message in several contexts")
