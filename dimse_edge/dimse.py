"""DIMSE messages of one association, put together and sent without pynetdicom's data sets."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, cast

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import DimseServiceType

from dimse_edge.command import (
    Command,
    Field,
    ProtocolError,
    parse_command,
)
from dimse_edge.fragments import IS_COMMAND, IS_LAST, Buffer, fragment_bytes, iter_pdus, pdu_of
from dimse_edge.reception import Reception
from dimse_edge.request import Request
from dimse_edge.responses import encode_response

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

_MAXIMUM_COMMAND_BYTES = 1 << 16
_MAXIMUM_IDENTIFIER_BYTES = 1 << 22
"""Longest data set that is kept in memory: what comes with requests other than C-STORE."""
_MAXIMUM_WAITING = 16
"""Requests that may wait while one is served; peers that negotiate nothing else send one."""


class DimseProvider(DIMSEServiceProvider):
    """Puts fragments together; messages that are whole wait in `msg_queue`.

    Attributes
    ----------
    responses : deque of Command
        Answers to requests of the edge's own.
    cancelled : int or None
        Message ID of the request that the last C-CANCEL has named.
    """

    def __init__(self, assoc: EdgeAssociation) -> None:
        super().__init__(assoc)
        self._edge = assoc
        self._command = bytearray()
        self._command_context: int | None = None
        self._reception: Reception | None = None
        self._request: Request | None = None
        self._expects_responses = False
        self.responses: deque[Command] = deque()
        self.cancelled: int | None = None

    def receive_fragment(self, context_id: int, control: int, fragment: memoryview) -> None:
        """Take one presentation data value of the peer. See PS3.8 E.2.

        Raises
        ------
        ProtocolError
            It fits in nowhere.
        """
        if control & IS_COMMAND:
            self._receive_command(context_id, control, fragment)
        elif self._reception is not None:
            _require_context(self._reception.context_id, context_id)
            self._reception.write(fragment)
            if control & IS_LAST:
                reception, self._reception = self._reception, None
                self._deliver(reception.context_id, reception)
        elif self._request is not None:
            _require_context(self._request.context_id, context_id)
            self._request.data_set += fragment
            if len(self._request.data_set) > _MAXIMUM_IDENTIFIER_BYTES:
                raise ProtocolError("the data set of a request is too long")
            if control & IS_LAST:
                request, self._request = self._request, None
                self._deliver(request.context_id, request)
        elif self._edge.is_established:
            raise ProtocolError("a data set without a command")

    def _receive_command(self, context_id: int, control: int, fragment: memoryview) -> None:
        if self._reception is not None or self._request is not None:
            raise ProtocolError("a command within a data set")
        if self._command:
            _require_context(self._command_context, context_id)
        self._command_context = context_id
        self._command += fragment
        if len(self._command) > _MAXIMUM_COMMAND_BYTES:
            raise ProtocolError("the command set is too long")
        if not control & IS_LAST:
            return
        encoded = bytes(self._command)
        self._command.clear()
        command = parse_command(encoded)
        if command.field == Field.C_CANCEL:
            self.cancelled = command.responded_to
        elif command.is_response:
            self._receive_response(command)
        else:
            self._begin(command, context_id)

    def _receive_response(self, command: Command) -> None:
        if not self._expects_responses or command.has_data_set:
            raise ProtocolError("a response to nothing")
        self.responses.append(command)

    def _begin(self, command: Command, context_id: int) -> None:
        """Take a request that the peer may make."""
        context = self._edge.accepted_context(context_id)
        if context is None:
            raise ProtocolError("a message in a context that was not accepted")
        abstract_syntax, syntax = context
        if not self._edge.admit(command, abstract_syntax):
            return
        message: Reception | Request
        if command.field == Field.C_STORE:
            message = Reception(command, context_id, syntax, self._edge.site.directory)
            self._reception = message if command.has_data_set else None
        else:
            message = Request(command, context_id, abstract_syntax, syntax)
            self._request = message if command.has_data_set else None
        if not command.has_data_set:
            self._deliver(context_id, message)

    def _deliver(self, context_id: int, message: Reception | Request) -> None:
        if self.msg_queue.qsize() >= _MAXIMUM_WAITING:
            raise ProtocolError("too many requests at once")
        self.cancelled = None
        self.msg_queue.put((context_id, cast(DimseServiceType, message)))

    @contextmanager
    def responses_expected(self) -> Iterator[None]:
        """Take responses while the context lasts; at any other time they break the protocol."""
        self._expects_responses = True
        try:
            yield
        finally:
            self._expects_responses = False
            self.responses.clear()

    def respond(self, request: Reception | Request, status: int, comment: str = "") -> None:
        """Answer a request without a data set."""
        command = request.request if isinstance(request, Reception) else request.command
        self.send(request.context_id, encode_response(command, status, comment))

    def send(
        self, context_id: int, command: bytes, data_set: Iterable[Buffer] | None = None
    ) -> None:
        """Send a command, and the data set that belongs to it, in pieces of any length."""
        size = self._fragment_bytes
        buffers = _flat(iter_pdus(context_id, IS_COMMAND, [command], size))
        if data_set is not None:
            for pdus in iter_pdus(context_id, 0, data_set, size):
                self._edge.dul.send_buffers([*buffers, *pdus])
                buffers = []
        else:
            self._edge.dul.send_buffers(buffers)

    def send_commands(self, context_id: int, commands: Iterable[bytes]) -> None:
        """Send commands that no data sets belong to, with one call of the system."""
        size = self._fragment_bytes
        pdus = (iter_pdus(context_id, IS_COMMAND, [command], size) for command in commands)
        self._edge.dul.send_buffers(_flat(chain.from_iterable(pdus)))

    def send_many(self, context_id: int, command: bytes, data_sets: Iterable[bytes]) -> None:
        """Send the same command once for each of many small data sets."""
        size = self._fragment_bytes
        head = b"".join(_flat(iter_pdus(context_id, IS_COMMAND, [command], size)))
        buffers: list[Buffer] = []
        for data_set in data_sets:
            if len(data_set) <= size:
                buffers.append(head + pdu_of(context_id, 0, data_set))
            else:
                buffers += [head, *_flat(iter_pdus(context_id, 0, [data_set], size))]
        self._edge.dul.send_buffers(buffers)

    @property
    def _fragment_bytes(self) -> int:
        return fragment_bytes(self._edge.requestor.maximum_length or 0)

    def discard(self) -> None:
        """Free what was received and will not be looked at any more."""
        if self._reception is not None:
            self._reception.close()
            self._reception = None
        while not self.msg_queue.empty():
            message: object = self.msg_queue.get()[1]
            if isinstance(message, Reception):
                message.close()


def _require_context(begun: int | None, context_id: int) -> None:
    """Raise ProtocolError unless a fragment is of the message that has begun. See PS3.8 E.2."""
    if context_id != begun:
        raise ProtocolError("fragments of one message in several contexts")


def _flat(pdus: Iterable[list[Buffer]]) -> list[Buffer]:
    return [buffer for pdu in pdus for buffer in pdu]
