"""The socket of an association: PDUs read whole out of one buffer of a bounded size."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pynetdicom.transport import AssociationSocket

from dimse_edge.command import ProtocolError
from dimse_edge.fragments import Buffer
from dimse_edge.tls_failures import PLAIN_PORT, explain, is_client_hello

if TYPE_CHECKING:
    from pynetdicom.association import Association

P_DATA_TF = 0x04

_HEADER = struct.Struct(">BxL")
_TIMEVAL = struct.Struct("ll")
BUFFERS_AT_ONCE = 512
"""Systems take at least 1,024 with one call."""
_BUFFER_BYTES = 1 << 18
_LEAST_TAKEN_BYTES = 1 << 16
"""What a peer has to take within its timeout, or else it is as good as one that hangs.

That is looked at between two calls, each of which may last as long: twice the timeout at most.
"""
_LONGEST_OTHER_BYTES = _BUFFER_BYTES - _HEADER.size
"""Longest PDU other than P-DATA-TF: 128 contexts of 30 transfer syntaxes fit."""

_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)
"""Acknowledge at once: a sender that leaves Nagle's algorithm on, as DCMTK does, waits for it."""


class ConnectionEnded(Exception):
    """The peer closed the connection, or it broke."""


class PduSocket(AssociationSocket):
    """A connection that was accepted, read PDU by PDU.

    Many small PDUs come with one system call, the rest of a large one with another. No PDU longer
    than was negotiated is read, so a connection's memory is bounded whatever the peer sends.

    Attributes
    ----------
    failure : str
        Why TLS did not come about, in words; "" where it did.
    """

    def __init__(
        self, assoc: Association, connection: socket.socket, maximum_pdu_bytes: int
    ) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.settimeout(None)  # timeouts are the kernel's: no extra poll for each read
        super().__init__(assoc, client_socket=connection)
        self._maximum_pdu_bytes = maximum_pdu_bytes
        self._buffer = bytearray(max(_BUFFER_BYTES, maximum_pdu_bytes + _HEADER.size))
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._timeout: float | None = None
        self.failure = ""

    def read_pdu(self, timeout: float | None) -> tuple[int, memoryview]:
        """Return type and bytes, header included, of the next PDU.

        The bytes are good until the next call.

        Raises
        ------
        TimeoutError
            Nothing came for so many seconds (None waits for ever), or a PDU other than a
            P-DATA-TF did not come whole within them.
        ConnectionEnded
            The peer is gone.
        ProtocolError
            This is no PDU, or a longer one than was negotiated.
        """
        self._set_timeout(timeout)
        while self._end - self._start < _HEADER.size:
            self._make_room(_HEADER.size)
            self._read(len(self._buffer) - self._end)
        pdu_type, size = _HEADER.unpack_from(self._buffer, self._start)
        is_data = pdu_type == P_DATA_TF
        if not 1 <= pdu_type <= 7 or size > (
            self._maximum_pdu_bytes if is_data else _LONGEST_OTHER_BYTES
        ):
            if is_client_hello(self._view[self._start : self._end].tobytes()):
                self.failure = PLAIN_PORT
            raise ProtocolError("no PDU, or one that is too long")
        whole = _HEADER.size + size
        self._make_room(whole)
        while (missing := self._start + whole - self._end) > 0:
            if self._read(missing, socket.MSG_WAITALL) < missing and not is_data:
                raise TimeoutError
        pdu = self._view[self._start : self._start + whole]
        self._start += whole
        return pdu_type, pdu

    def discard(self, timeout: float) -> None:
        """Read some bytes that nobody wants any more; raise as `read_pdu`."""
        self._start = self._end = 0
        self._set_timeout(timeout)
        self._read(len(self._buffer))

    def has_arrived(self) -> bool:
        """Tell, without waiting, whether there are bytes to be read, or the end of them."""
        if self._end > self._start:
            return True
        if self.socket is None:
            return False
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(0))

    def send_buffers(self, buffers: Sequence[Buffer]) -> None:
        """Send buffers, one behind the other.

        Raises
        ------
        ConnectionEnded
            The peer is gone, or took nothing for as long as is waited for it.
        """
        if self.socket is None:
            raise ConnectionEnded
        try:
            for start in range(0, len(buffers), BUFFERS_AT_ONCE):
                self._send(self.socket, buffers[start : start + BUFFERS_AT_ONCE])
        except OSError as exc:
            raise ConnectionEnded from exc

    def _send(self, connection: socket.socket, buffers: Sequence[Buffer]) -> None:
        """Send some buffers; the kernel's timeout is for any byte, this one for a good deal."""
        since = time.monotonic()
        taken = 0 if isinstance(connection, ssl.SSLSocket) else connection.sendmsg(buffers)
        if taken == sum(map(len, buffers)):
            return
        rest = memoryview(b"".join(buffers))[taken:]
        while rest:
            now = time.monotonic()
            if taken >= _LEAST_TAKEN_BYTES:
                taken, since = 0, now
            elif self._timeout is not None and now - since > self._timeout:
                raise TimeoutError
            sent = connection.send(rest)
            rest, taken = rest[sent:], taken + sent

    def _shutdown_socket(self) -> None:
        """Close the connection, also when the peer was faster."""
        if self.socket is None:
            return
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _read(self, size: int, flags: int = 0) -> int:
        """Append at most `size` bytes to the buffer."""
        if self.socket is None:
            raise ConnectionEnded
        try:
            if _QUICK_ACK is not None:
                self.socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
            count = self.socket.recv_into(self._view[self._end :], size, flags)
        except BlockingIOError as exc:
            raise TimeoutError from exc
        except ssl.SSLError as exc:
            self.failure = explain(exc)
            raise ConnectionEnded from exc
        except OSError as exc:
            raise ConnectionEnded from exc
        if not count:
            raise ConnectionEnded
        self._end += count
        return count

    def _make_room(self, needed: int) -> None:
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start + needed > len(self._buffer):
            rest = bytes(self._view[self._start : self._end])
            self._view[: len(rest)] = rest
            self._start, self._end = 0, len(rest)

    def _set_timeout(self, timeout: float | None) -> None:
        """Set what the kernel waits for, in each direction; 0 is for ever there."""
        if timeout == self._timeout or self.socket is None:
            return
        self._timeout = timeout
        seconds = 0.0 if timeout is None else max(timeout, 0.001)
        value = _TIMEVAL.pack(int(seconds), int(seconds % 1 * 1_000_000))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
        except OSError as exc:
            raise ConnectionEnded from exc
