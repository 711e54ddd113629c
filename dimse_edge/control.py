"""What parent and workers tell each other over a pair of Unix sockets: single bytes."""

from __future__ import annotations

import socket

CONNECTION = b"C"
"""To a worker, with a socket: serve this connection."""
DRAIN = b"D"
"""To a worker: let the associations finish, then end."""
READY = b"R"
"""To the parent: connections may come."""
ENDED = b"E"
"""To the parent: an association has ended."""
ALIVE = b"A"
"""To the parent: a question over HTTPS was answered."""

_MAXIMUM_MESSAGES = 1024


def send_connection(control: socket.socket, connection: socket.socket) -> None:
    """Hand a connection over; BlockingIOError or another OSError if it cannot be taken."""
    socket.send_fds(control, [CONNECTION], [connection.fileno()])


def receive(control: socket.socket) -> tuple[bytes, socket.socket | None]:
    """Return the next message for a worker and the connection it carries; b"" at the end."""
    message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    return message, socket.socket(fileno=descriptors[0]) if descriptors else None


def receive_messages(control: socket.socket) -> bytes:
    """Return the messages a worker has sent, at least one; b"" when it is gone."""
    try:
        return control.recv(_MAXIMUM_MESSAGES)
    except ConnectionError:
        return b""
