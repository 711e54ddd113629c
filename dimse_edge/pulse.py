"""The pulse of HTTPS: its process asks itself, as a client would, and tells the parent of answers.

A process that takes connections and hangs has an open port, which is all that a load balancer asks
for. Here the question goes through TLS, HTTP and the event loop; the parent ends a process that
has told of no answer for long (`dimse_edge.helpers`).
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

SECONDS = 15.0
"""Between two questions."""
_PATIENCE_SECONDS = 30.0
_QUESTION = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_ANSWER = b"HTTP/1.1 "
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  addresses that are listened on


@contextmanager
def beating(listener: socket.socket, tell: Callable[[], object]) -> Iterator[None]:
    """Ask as long as this lasts, from a thread.

    Parameters
    ----------
    listener : socket
        What is listened on; every address of the machine means its own.
    tell : callable
        Called after each answer, whatever it says: no question has a login.
    """
    address, port = listener.getsockname()[:2]
    place = _EVERYWHERE.get(address, address), port
    is_over = threading.Event()
    thread = threading.Thread(target=_beat, args=(place, tell, is_over), name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()


def _beat(place: tuple[str, int], tell: Callable[[], object], is_over: threading.Event) -> None:
    while not is_over.wait(SECONDS):
        with suppress(OSError):
            if is_answered(place):
                tell()


def is_answered(place: tuple[str, int]) -> bool:
    """Ask once; OSError where nobody is there, or has not said anything after a while."""
    connection = socket.create_connection(place, _PATIENCE_SECONDS)
    with connection, _trusting().wrap_socket(connection) as asking:
        asking.sendall(_QUESTION)
        return asking.recv(len(_ANSWER)) == _ANSWER


def _trusting() -> ssl.SSLContext:
    """Return a context that takes the certificate of this very process, whatever its name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
