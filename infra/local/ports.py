"""Ports on the loopback address."""

from __future__ import annotations

import errno
import socket

from infra.local.errors import PortTaken

LOOPBACK = "127.0.0.1"


def listen(port: int, option: str) -> socket.socket:
    """Return a socket that listens on a port; 0 takes any free one.

    Accepted connections inherit that they send at once. asyncio sees to that only where it knows
    the socket's family, which it does not in a process that was handed a descriptor, and then every
    answer of head and body waits 40 ms for an acknowledgement.

    Raises
    ------
    PortTaken
        Naming the port and the option that chooses another.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(1024)
    except OSError as exc:
        listener.close()
        raise PortTaken(_reason(exc, port, option)) from exc
    listener.setblocking(False)
    return listener


def reserve(port: int, option: str) -> int:
    """Return a port that is free now, for a process that will bind it by itself."""
    with listen(port, option) as listener:
        return port_of(listener)


def port_of(listener: socket.socket) -> int:
    """Return the port a socket is bound to."""
    return int(listener.getsockname()[1])


def _reason(exc: OSError, port: int, option: str) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"port {port} is taken; choose another with {option}"
    return f"port {port} cannot be used ({exc.strerror}); choose another with {option}"
