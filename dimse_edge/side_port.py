"""The side port: a load balancer asks here whether connections may come, and speaks no DICOM."""

from __future__ import annotations

import socket

_BACKLOG = 32
_PATIENCE_SECONDS = 0.2
_READY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_NOT_READY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_LARGEST_QUESTION = 4096


class SidePort:
    """A bound port whose every question has one answer.

    Parameters
    ----------
    address, port : str, int
        Where to listen; port 0 takes a free one. OSError if it is taken.
    """

    def __init__(self, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(_BACKLOG)
        self.socket.setblocking(False)

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self.socket.getsockname()[1])

    def answer(self, *, is_ready: bool) -> None:
        """Answer one connection; a slow one is not waited for."""
        try:
            connection, _ = self.socket.accept()
        except (BlockingIOError, ConnectionError):
            return
        with connection:
            connection.settimeout(_PATIENCE_SECONDS)
            try:
                connection.recv(_LARGEST_QUESTION)
                connection.sendall(_READY if is_ready else _NOT_READY)
            except OSError:
                return

    def close(self) -> None:
        """Stop listening: whoever asks now learns that nobody is there."""
        self.socket.close()
