"""The pulse of HTTPS: its process asks itself, as a client would, and tells the parent of answers.

A process that takes connections and hangs has an open port, which is all that a load balancer asks
for. Here the question goes through TLS, HTTP and the event loop; the parent ends a process that
has told of no answer for long (`dimse_edge.helpers`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress

SECONDS = 15.0
"""Between two questions."""
_PATIENCE_SECONDS = 30.0
_QUESTION = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_ANSWER = b"HTTP/1.1 "
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  addresses that are listened on


async def beat(address: str, port: int, tell: Callable[[], object]) -> None:
    """Ask for ever; `tell` is called after each answer, whatever it says: none has a login.

    Parameters
    ----------
    address, port : str, int
        What is listened on; every address of the machine means its own.
    """
    while True:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                if await _is_answered(_EVERYWHERE.get(address, address), port):
                    tell()
        await asyncio.sleep(SECONDS)


async def _is_answered(address: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(
        address, port, ssl=_trusting(), server_hostname=""
    )
    try:
        writer.write(_QUESTION)
        return (await reader.read(len(_ANSWER))).startswith(_ANSWER)
    finally:
        writer.close()


def _trusting() -> ssl.SSLContext:
    """Return a context that takes the certificate of this very process, whatever its name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
