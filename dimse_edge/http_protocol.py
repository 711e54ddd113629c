"""HTTP/1.1 as uvicorn speaks it, for clients that may be slow, but not for ever, nor all at once.

uvicorn itself counts the seconds of a connection only after its first answer: whoever connects and
says nothing would keep one of the few places there are, without a login. And whoever comes again
each time would keep all of them, were there no bound for one address.
"""

from __future__ import annotations

import asyncio
import ipaddress

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from nephele.logs import logger

MOST_OF_ONE_ADDRESS = 100
"""Connections of one address, of IPv6 one network of 64 bits; more are closed at once."""
HEAD_SECONDS = 20.0
"""A request's line and headers are there so soon, counted from the handshake or the first byte."""
BODY_SECONDS = 60.0
BODY_BYTES = 1 << 14
"""At least so much of a body comes within so many seconds, or within the same time after them."""
_MOST_STRIKES = 2
"""Time in which the server did not read is not the client's; there is none in two such spans, as
the server stops reading only when more than `BODY_BYTES` has come."""


class PatientProtocol(H11Protocol):
    """One connection: it is closed when a request's head or its body does not come."""

    origin = ""
    _awaited: object = None
    _timer: asyncio.TimerHandle | None = None
    _received = 0
    _strikes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, unless there are too many of the same address."""
        super().connection_made(transport)
        self.origin = origin_of(self.client[0]) if self.client else ""
        if self._is_one_too_many():
            logger.warning("connection closed: too many of one address")
            transport.abort()
        else:
            self._watch()

    def _is_one_too_many(self) -> bool:
        alike = (one for one in self.connections if getattr(one, "origin", "") == self.origin)
        return bool(self.origin) and sum(1 for _ in alike) > MOST_OF_ONE_ADDRESS

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for what is still to come."""
        super().data_received(data)
        self._received += len(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on with the next request if it has begun to come."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._await(None)
        super().connection_lost(exc)

    def _watch(self) -> None:
        state = self.conn.their_state
        is_resting = self.timeout_keep_alive_task is not None
        is_awaited = state in (h11.IDLE, h11.SEND_BODY)
        if is_resting or not is_awaited or self.transport.is_closing():
            self._await(None)
        elif state is not self._awaited:
            self._await(state)

    def _await(self, state: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._awaited = state
        self._received = self._strikes = 0
        if state is h11.IDLE:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)
        elif state is not None:
            self._timer = self.loop.call_later(BODY_SECONDS, self._check_body)

    def _check_body(self) -> None:
        is_asked_for = not (self.flow.read_paused or self.conn.they_are_waiting_for_100_continue)
        is_slow = is_asked_for and self._received < BODY_BYTES
        self._strikes = self._strikes + 1 if is_slow else 0
        self._received = 0
        if self._strikes == _MOST_STRIKES:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(BODY_SECONDS, self._check_body)


def origin_of(address: str) -> str:
    """Return what tells one client from another: an IPv4 address, the first 64 bits of an IPv6 one.

    Whoever has one IPv6 address has all that share these bits.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
