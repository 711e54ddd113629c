"""DIMSE messages of one association: C-STORE on a short way, all others pynetdicom's."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import DimseServiceType
from pynetdicom.pdu_primitives import P_DATA

from dimse_edge.command import C_STORE_RQ, Command, ProtocolError, encode_response, parse_command
from dimse_edge.reception import Reception

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

_IS_COMMAND = 0b01
_IS_LAST = 0b10
_SHORTEST_PDV_BYTES = 128
_MAXIMUM_COMMAND_BYTES = 1 << 16
_MAXIMUM_IDENTIFIER_BYTES = 1 << 22
"""Longest data set that is kept in memory: what comes with requests other than C-STORE."""


class DimseProvider(DIMSEServiceProvider):
    """Puts fragments together; messages that are whole wait in `msg_queue`."""

    def __init__(self, assoc: EdgeAssociation) -> None:
        super().__init__(assoc)
        self._edge = assoc
        self._command = bytearray()
        self._reception: Reception | None = None
        self._identifier_bytes = 0

    def receive_fragment(self, context_id: int, control: int, fragment: memoryview) -> None:
        """Take one presentation data value of the peer. See PS3.8 E.2.

        Raises
        ------
        ProtocolError
            It fits in nowhere.
        """
        if control & _IS_COMMAND:
            self._receive_command(context_id, control, fragment)
        elif self._reception is not None:
            self._reception.write(fragment)
            if control & _IS_LAST:
                self._deliver(self._reception)
                self._reception = None
        elif self.message is not None:
            self._identifier_bytes += len(fragment)
            if self._identifier_bytes > _MAXIMUM_IDENTIFIER_BYTES:
                raise ProtocolError("the data set of a request is too long")
            self._feed(context_id, control, bytes(fragment))
        elif self._edge.is_established:
            raise ProtocolError("a data set without a command")

    def _receive_command(self, context_id: int, control: int, fragment: memoryview) -> None:
        if self._reception is not None or self.message is not None:
            raise ProtocolError("a command within a data set")
        self._command += fragment
        if len(self._command) > _MAXIMUM_COMMAND_BYTES:
            raise ProtocolError("the command set is too long")
        if not control & _IS_LAST:
            return
        encoded = bytes(self._command)
        self._command.clear()
        command = parse_command(encoded)
        transfer_syntax_uid = self._edge.accepted_transfer_syntax(context_id)
        if transfer_syntax_uid is None:
            raise ProtocolError("a message in a context that was not accepted")
        if not self._edge.admit(command):
            return
        if command.field == C_STORE_RQ:
            self._begin(command, context_id, transfer_syntax_uid)
        else:
            self._identifier_bytes = 0
            self._feed(context_id, control, encoded)

    def _begin(self, command: Command, context_id: int, transfer_syntax_uid: str) -> None:
        directory = self._edge.site.directory
        reception = Reception(command, context_id, transfer_syntax_uid, directory)
        if command.has_data_set:
            self._reception = reception
        else:
            self._deliver(reception)

    def _deliver(self, reception: Reception) -> None:
        self.msg_queue.put((reception.context_id, cast(DimseServiceType, reception)))

    def _feed(self, context_id: int, control: int, fragment: bytes) -> None:
        primitive = P_DATA()
        primitive.presentation_data_value_list.append((context_id, bytes((control,)) + fragment))
        try:
            self.receive_primitive(primitive)
        except (ValueError, KeyError, AttributeError) as exc:
            raise ProtocolError("a message cannot be decoded") from exc

    def respond(self, reception: Reception, status: int, comment: str) -> None:
        """Answer a C-STORE request."""
        encoded = encode_response(reception.request, status, comment)
        room = self._edge.requestor.maximum_length or len(encoded) + 6
        step = max(_SHORTEST_PDV_BYTES, room - 6)
        for start in range(0, len(encoded), step):
            is_last = start + step >= len(encoded)
            control = _IS_COMMAND | (_IS_LAST if is_last else 0)
            fragment = encoded[start : start + step]
            self._edge.dul.send_fragment(reception.context_id, control, fragment)

    def discard(self) -> None:
        """Free what was received and will not be looked at any more."""
        if self._reception is not None:
            self._reception.close()
            self._reception = None
        while not self.msg_queue.empty():
            message: object = self.msg_queue.get()[1]
            if isinstance(message, Reception):
                message.close()
