"""The connection of an association that was requested: PDUs under deadlines.

A timeout is for a whole PDU, not for its first byte: a peer that sends or takes a byte a second is
as good as one that hangs.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Iterator, Sequence

from dimse_edge.command import ProtocolError
from dimse_edge.fragments import Buffer
from dimse_edge.transport import BUFFERS_AT_ONCE, P_DATA_TF

_HEADER = struct.Struct(">BxL")
_BUFFER_BYTES = 64 << 10
_LONGEST_OTHER_BYTES = 1 << 20
_TAKEN_IN_TIME_BYTES = 256 << 10
"""What a peer has to take within its timeout."""
_CLOSING_SECONDS = 2.0
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)


class AssociationEnded(Exception):
    """The peer has closed, released or aborted the association, or the connection broke."""


class PeerTimeout(Exception):
    """The peer did not answer, or not fast enough."""


class Unreachable(Exception):
    """There is nobody to talk to, or not in this way."""


class Wire:
    """A connection, read and written PDU by PDU.

    Parameters
    ----------
    timeout : float or None
        Seconds each PDU may take, in each direction; None waits for ever.
    """

    def __init__(self, connection: socket.socket, timeout: float | None) -> None:
        self._socket = connection
        self._timeout = timeout
        self._buffer = bytearray()
        self.longest_data_bytes = 0

    @classmethod
    def connect(
        cls, host: str, port: int, timeout: float | None, tls: ssl.SSLContext | None
    ) -> Wire:
        """Connect to a peer.

        Raises
        ------
        PeerTimeout, Unreachable
            Nobody answers, or not in this way.
        """
        started = time.monotonic()
        try:
            connection = socket.create_connection((host, port), timeout)
        except TimeoutError as exc:
            raise PeerTimeout("it cannot be connected to in time") from exc
        except (OSError, UnicodeError) as exc:
            raise Unreachable(f"it cannot be connected to: {_reason(exc)}") from exc
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if tls is None:
            return cls(connection, timeout)
        left = None if timeout is None else max(0.1, timeout - (time.monotonic() - started))
        return cls(_secured(connection, host, tls, left), timeout)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, all of them within the timeout.

        Raises
        ------
        PeerTimeout, AssociationEnded
            The peer does not take them, or is gone.
        """
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(data)
        except TimeoutError as exc:
            raise PeerTimeout("it does not take what is sent to it") from exc
        except OSError as exc:
            raise AssociationEnded("the connection broke while sending") from exc

    def send_buffers(self, buffers: Sequence[Buffer]) -> None:
        """Send buffers, one behind the other, without putting them together.

        The peer has to take so much of them at a time within the timeout; raise as `send`.
        """
        if isinstance(self._socket, ssl.SSLSocket):
            for some in _groups(buffers, _TAKEN_IN_TIME_BYTES):
                self.send(b"".join(some))
            return
        for start in range(0, len(buffers), BUFFERS_AT_ONCE):
            self._send_some(buffers[start : start + BUFFERS_AT_ONCE])

    def _send_some(self, rest: Sequence[Buffer]) -> None:
        taken, deadline = 0, self._deadline()
        try:
            while rest:
                self._socket.settimeout(_remaining(deadline))
                sent = self._socket.sendmsg(rest)
                taken += sent
                rest = _behind(rest, sent)
                if taken >= _TAKEN_IN_TIME_BYTES:
                    taken, deadline = 0, self._deadline()
        except TimeoutError as exc:
            raise PeerTimeout("it does not take what is sent to it") from exc
        except OSError as exc:
            raise AssociationEnded("the connection broke while sending") from exc

    def _deadline(self) -> float | None:
        return None if self._timeout is None else time.monotonic() + self._timeout

    def read_pdu(self, timeout: float | None = None) -> tuple[int, bytes]:
        """Return type and body of the next PDU.

        Parameters
        ----------
        timeout : float, optional
            Instead of the connection's.

        Raises
        ------
        PeerTimeout
            It does not come whole in time.
        AssociationEnded
            The peer has closed the connection.
        ProtocolError
            What comes is no PDU, or longer than was agreed.
        """
        wanted = self._timeout if timeout is None else timeout
        deadline = None if wanted is None else time.monotonic() + wanted
        self._fill(_HEADER.size, deadline)
        pdu_type, size = _HEADER.unpack_from(self._buffer)
        is_data = pdu_type == P_DATA_TF
        longest = self.longest_data_bytes if is_data else _LONGEST_OTHER_BYTES
        if not 1 <= pdu_type <= 7 or (longest and size > longest):
            raise ProtocolError("what it sends is no DICOM, or a PDU that is too long")
        end = _HEADER.size + size
        self._fill(end, deadline)
        body = bytes(memoryview(self._buffer)[_HEADER.size : end])
        del self._buffer[:end]
        return pdu_type, body

    def has_arrived(self) -> bool:
        """Tell whether a PDU has come, or begun to, without waiting for it."""
        if self._buffer:
            return True
        try:
            self._socket.settimeout(0)
            data = self._socket.recv(_BUFFER_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError as exc:
            raise AssociationEnded("the connection broke") from exc
        if not data:
            raise AssociationEnded("it has closed the connection")
        self._buffer += data
        return True

    def close(self, *, is_released: bool = False) -> None:
        """Close the connection; after a release the peer may be first."""
        with contextlib.suppress(OSError):
            if is_released:
                self._socket.settimeout(_CLOSING_SECONDS)
                self._socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            self._socket.close()

    def abandon(self, last: bytes) -> None:
        """Send some last bytes if the peer takes them at once, and close the connection."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(0.1)
            self._socket.send(last)
        self.close()

    def _fill(self, needed: int, deadline: float | None) -> None:
        while len(self._buffer) < needed:
            remaining = None if deadline is None else deadline - time.monotonic()
            if remaining is not None and remaining <= 0:
                raise PeerTimeout("it does not answer in time")
            try:
                self._socket.settimeout(remaining)
                if _QUICK_ACK is not None:
                    self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
                data = self._socket.recv(max(_BUFFER_BYTES, needed - len(self._buffer)))
            except TimeoutError as exc:
                raise PeerTimeout("it does not answer in time") from exc
            except OSError as exc:
                raise AssociationEnded("the connection broke") from exc
            if not data:
                raise AssociationEnded("it has closed the connection")
            self._buffer += data


def _remaining(deadline: float | None) -> float | None:
    """Return the seconds up to a deadline; raise TimeoutError behind it."""
    if deadline is None:
        return None
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def _groups(buffers: Iterable[Buffer], size_bytes: int) -> Iterator[list[Buffer]]:
    """Yield buffers, in their order, as many at a time as make up a size."""
    group: list[Buffer] = []
    grown = 0
    for buffer in buffers:
        group.append(buffer)
        grown += len(buffer)
        if grown >= size_bytes:
            yield group
            group, grown = [], 0
    if group:
        yield group


def _behind(buffers: Sequence[Buffer], sent: int) -> Sequence[Buffer]:
    """Return what of some buffers is left when so many bytes of them are sent."""
    for number, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[number + 1 :]]
        sent -= len(buffer)
    return ()


def _secured(
    connection: socket.socket, host: str, tls: ssl.SSLContext, timeout: float | None
) -> ssl.SSLSocket:
    connection.settimeout(timeout)
    try:
        return tls.wrap_socket(connection, server_hostname=host)
    except TimeoutError as exc:
        connection.close()
        raise PeerTimeout("its TLS handshake does not end in time") from exc
    except (OSError, ValueError) as exc:
        connection.close()
        raise Unreachable(f"its TLS handshake fails: {_reason(exc)}") from exc


def _reason(exc: Exception) -> str:
    return (getattr(exc, "strerror", None) or type(exc).__name__).lower()
