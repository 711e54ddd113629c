"""The socket of an association: PDUs read whole out of one buffer of a bounded size."""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING

from pynetdicom.transport import AssociationSocket

from dimse_edge.command import ProtocolError

if TYPE_CHECKING:
    from pynetdicom.association import Association

_HEADER = struct.Struct(">BxL")
_BUFFER_BYTES = 1 << 18
_ASSOCIATE_BYTES = 1 << 18
"""Longest PDU other than P-DATA-TF; 128 contexts of 30 transfer syntaxes fit."""

P_DATA_TF = 0x04


class ConnectionEnded(Exception):
    """The peer closed the connection, or it broke."""


class PduSocket(AssociationSocket):
    """A connection that was accepted, read PDU by PDU.

    Many small PDUs come with one system call. No PDU longer than was negotiated is read, so a
    connection's memory is bounded whatever the peer sends.
    """

    def __init__(
        self, assoc: Association, connection: socket.socket, maximum_pdu_bytes: int
    ) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        super().__init__(assoc, client_socket=connection)
        self._limits = {P_DATA_TF: maximum_pdu_bytes}
        self._buffer = bytearray(max(_BUFFER_BYTES, maximum_pdu_bytes + _HEADER.size))
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        connection.settimeout(None)

    def read_pdu(self, timeout: float | None) -> tuple[int, memoryview]:
        """Return type and bytes, header included, of the next PDU.

        The bytes are good until the next call. All of a PDU has to come within the timeout, but
        for a P-DATA-TF, where each piece of it has.

        Raises
        ------
        TimeoutError
            Nothing came for so many seconds; None waits for ever.
        ConnectionEnded
            The peer is gone.
        ProtocolError
            This is no PDU, or a longer one than was negotiated.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        self._fill(_HEADER.size, deadline)
        pdu_type, size = _HEADER.unpack_from(self._buffer, self._start)
        if not 1 <= pdu_type <= 7 or size > self._limits.get(pdu_type, _ASSOCIATE_BYTES - 6):
            raise ProtocolError("no PDU, or one that is too long")
        whole = _HEADER.size + size
        while pdu_type == P_DATA_TF and self._end - self._start < whole:
            self._fill(self._end - self._start + 1, _later(timeout), whole)
        self._fill(whole, deadline)
        pdu = self._view[self._start : self._start + whole]
        self._start += whole
        return pdu_type, pdu

    def _fill(self, needed: int, deadline: float | None, whole: int = 0) -> None:
        """Hold at least `needed` bytes; make room for `whole` ones."""
        while self._end - self._start < needed:
            self._make_room(max(needed, whole))
            self._set_timeout(deadline)
            try:
                count = self._connection().recv_into(self._view[self._end :])
            except TimeoutError:
                raise
            except OSError as exc:
                raise ConnectionEnded from exc
            if not count:
                raise ConnectionEnded
            self._end += count

    def _make_room(self, needed: int) -> None:
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start + needed > len(self._buffer):
            rest = bytes(self._view[self._start : self._end])
            self._view[: len(rest)] = rest
            self._start, self._end = 0, len(rest)

    def _set_timeout(self, deadline: float | None) -> None:
        timeout = None
        if deadline is not None and (timeout := deadline - time.monotonic()) <= 0:
            raise TimeoutError
        self._connection().settimeout(timeout)

    def _connection(self) -> socket.socket:
        if self.socket is None:
            raise ConnectionEnded
        return self.socket


def _later(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout
