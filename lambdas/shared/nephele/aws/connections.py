"""Connections to one origin of AWS past botocore: a request is sent now, its answer read later.

What is not answered with success is nobody's business here: the client of botocore asks again,
which retries and knows errors.
"""

from __future__ import annotations

import select
import ssl
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Generic, Self, TypeVar, cast
from urllib.parse import urlsplit

from nephele.aws.learned import trusted_certificates

_Result = TypeVar("_Result")
_CONNECT_SECONDS = 3.0
_MOST_IDLE = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Self:
        """Return an answer whose headers are written in any case."""
        return cls(status, {name.lower(): value for name, value in headers}, body)


class Reply(Generic[_Result]):
    """What a request will be answered: `read` it once, or `discard` it.

    Parameters
    ----------
    connection : HTTPConnection, optional
        Where the answer comes from; without one the client is asked when it is read.
    receive : callable
        Reads it; None where it is no success.
    ask : callable
        Asks the client, whose errors are the reply's.
    """

    def __init__(
        self,
        connection: HTTPConnection | None,
        receive: Callable[[HTTPConnection], _Result | None],
        ask: Callable[[], _Result],
    ) -> None:
        self._connection = connection
        self._looked_at: HTTPResponse | None = None
        self._receive = receive
        self._ask = ask

    def has_arrived(self) -> bool:
        """Tell, without waiting, whether the answer has begun to come."""
        if self._connection is None:
            return False
        if self._looked_at is None:
            self._looked_at = _expect(self._connection)
        return _has_begun(self._connection, self._looked_at)

    def read(self) -> _Result:
        """Wait for the answer; errors are the client's."""
        connection, self._connection = self._connection, None
        answer = None if connection is None else self._receive(connection)
        return self._ask() if answer is None else answer

    def discard(self) -> None:
        """Forget the answer, unless it was read."""
        if self._looked_at is not None:
            self._looked_at.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Connections:
    """Connections to one origin, for whichever thread: no two use the same one at once.

    Parameters
    ----------
    origin : str
        Scheme, host and port.
    read_seconds : float
        How long an answer may say nothing.
    """

    def __init__(self, origin: str, read_seconds: float) -> None:
        base = urlsplit(origin)
        self._host, self._port = base.hostname or "", base.port
        self._tls = _context() if base.scheme == "https" else None
        self._read_seconds = read_seconds
        self._idle: list[HTTPConnection] = []
        weakref.finalize(self, _close_all, self._idle)

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> HTTPConnection | None:
        """Send a request and return where its answer comes from; None if it cannot be sent."""
        try:
            connection = self._take()
        except OSError:
            return None
        try:
            connection.request(method, target, body, headers)
        except (OSError, HTTPException):
            connection.close()
            return None
        return connection

    def receive(self, connection: HTTPConnection) -> Answer | None:
        """Return an answer, None where it does not come whole."""
        try:
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException):
            connection.close()
            return None
        if response.status < HTTPStatus.OK:  # more of it is on its way
            connection.close()
            return None
        if response.will_close or len(self._idle) >= _MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        return Answer.of(response.status, response.getheaders(), body)

    def _take(self) -> HTTPConnection:
        """Return a connection that is open: one that was used before, or a new one."""
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                break
            if not _is_readable(idle):  # what comes unasked is its end
                return idle
            idle.close()
        opened = (
            HTTPConnection(self._host, self._port, timeout=_CONNECT_SECONDS)
            if self._tls is None
            else HTTPSConnection(
                self._host, self._port, timeout=_CONNECT_SECONDS, context=self._tls
            )
        )
        opened.connect()
        opened.sock.settimeout(self._read_seconds)
        return opened


def _context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=trusted_certificates())


def _close_all(connections: list[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


def _expect(connection: HTTPConnection) -> HTTPResponse:
    """Open an answer before it comes, of any method but HEAD, so that one can look for it."""
    answer = HTTPResponse(connection.sock)

    def take(*_: object, **__: object) -> HTTPResponse:
        connection.response_class = HTTPResponse  # of the next request
        return answer

    connection.response_class = cast("type[HTTPResponse]", take)
    return answer


def _has_begun(connection: HTTPConnection, answer: HTTPResponse) -> bool:
    """Tell, without waiting, whether there is something of an answer, or an error.

    That the socket is readable says too little: servers of TLS 1.3 begin with tickets for later.
    """
    seconds = connection.sock.gettimeout()
    connection.sock.settimeout(0)
    try:
        return bool(answer.fp.peek(1))
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True
    finally:
        connection.sock.settimeout(seconds)


def _is_readable(connection: HTTPConnection) -> bool:
    """Tell, without waiting, whether something has come over a connection, or its end."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
