"""DynamoDB's reads, asked now and answered later, by one thread.

Whoever reads a thousand rows wants the next hundred to be looked up while these are decoded. A
thread for that fights for the interpreter with the one that decodes, which costs a quarter of the
time of both; a request that is sent now and read later costs nothing. botocore cannot do that, so
such requests go past it as those of `nephele.aws.direct`: the client's own first request shows
where to and who signs, and what is not answered with success the client asks again.
"""

from __future__ import annotations

import select
import ssl
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.utils import get_environ_proxies

from nephele.aws.learned import Signature, trusted_certificates
from nephele.aws.quick_rows import parse_rows

if TYPE_CHECKING:
    from botocore.hooks import EventAliaser
    from mypy_boto3_dynamodb.client import DynamoDBClient

_METHODS = {"BatchGetItem": "batch_get_item", "Query": "query"}
_SIGNATURE_VERSION = "v4"
_CONTENT_TYPE = "application/x-amz-json-1.0"
_CONNECT_SECONDS, _READ_SECONDS = 3.0, 10.0
_MOST_IDLE = 16

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a client sends its requests, and how it signs them."""

    origin: str
    signature: Signature
    tls: ssl.SSLContext | None


class Reply:
    """What a request will be answered: `read` it once, or `discard` it.

    Parameters
    ----------
    connection : HTTPConnection, optional
        Where the answer comes from; without one the client is asked when it is read.
    """

    def __init__(
        self,
        connection: HTTPConnection | None,
        receive: Callable[[HTTPConnection], Answer | None],
        ask: Callable[[], Answer],
    ) -> None:
        self._connection = connection
        self._receive = receive
        self._ask = ask

    def has_arrived(self) -> bool:
        """Tell, without waiting, whether the answer has begun to come."""
        return self._connection is not None and _is_readable(self._connection)

    def read(self) -> Answer:
        """Wait for the answer; errors are the client's."""
        connection, self._connection = self._connection, None
        answer = None if connection is None else self._receive(connection)
        return self._ask() if answer is None else answer

    def discard(self) -> None:
        """Forget the answer, unless it was read."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class DirectReads:
    """Reads of a client, after it has sent one of the kind by itself."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client
        self._events = cast("EventAliaser", client.meta.events)
        self._target: _Target | None = None
        self._idle: list[HTTPConnection] = []
        self._events.register("before-sign.dynamodb", self._learn)
        weakref.finalize(self, _close_all, self._idle)

    def begin(self, operation: str, request: Mapping[str, Any]) -> Reply:
        """Send a request, `BatchGetItem` or `Query`, that holds no binary values."""

        def ask() -> Answer:
            answer: Answer = getattr(self._client, _METHODS[operation])(**request)
            return answer

        target = self._target
        connection = None if target is None else self._send(target, operation, request)
        return Reply(connection, self._receive, ask)

    def _learn(self, request: AWSRequest, **facts: Any) -> None:
        """Remember where the client sends requests, and who signs them."""
        url = str(request.url)
        if self._target is not None or get_environ_proxies(url):
            return
        base = urlsplit(url)
        self._target = _Target(
            origin=f"{base.scheme}://{base.netloc}",
            signature=Signature.learned(request, facts),
            tls=_context() if base.scheme == "https" else None,
        )

    def _send(
        self, target: _Target, operation: str, request: Mapping[str, Any]
    ) -> HTTPConnection | None:
        body = orjson.dumps(request)
        headers = _signed(target, operation, body)
        prepared = AWSPreparedRequest("POST", f"{target.origin}/", headers, body, False)
        event = f"before-send.dynamodb.{operation}"
        if self._events.emit_until_response(event, request=prepared)[1] is not None:
            return None  # somebody stands in for AWS: the client knows how to listen to him
        try:
            connection = self._connection(target)
        except OSError:
            return None
        try:
            connection.request("POST", "/", body, headers)
        except (OSError, HTTPException):
            connection.close()
            return None
        return connection

    def _connection(self, target: _Target) -> HTTPConnection:
        """Return a connection that is open: one that was used before, or a new one."""
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                break
            if not _is_readable(idle):  # what comes unasked is its end
                return idle
            idle.close()
        base = urlsplit(target.origin)
        opened = (
            HTTPConnection(base.hostname or "", base.port, timeout=_CONNECT_SECONDS)
            if target.tls is None
            else HTTPSConnection(
                base.hostname or "", base.port, timeout=_CONNECT_SECONDS, context=target.tls
            )
        )
        opened.connect()
        opened.sock.settimeout(_READ_SECONDS)
        return opened

    def _receive(self, connection: HTTPConnection) -> Answer | None:
        """Return an answer, None where it is no success."""
        try:
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException):
            connection.close()
            return None
        is_success = response.status == HTTPStatus.OK
        if response.will_close or not is_success or len(self._idle) >= _MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        return parse_rows(body) if is_success else None


def _close_all(connections: list[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


@lru_cache(maxsize=1)
def direct_reads(client: DynamoDBClient) -> DirectReads:
    """Return the direct reads of a client."""
    return DirectReads(client)


def _context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=trusted_certificates())


def _signed(target: _Target, operation: str, body: bytes) -> Any:
    headers = {
        "User-Agent": "nephele",
        "Content-Type": _CONTENT_TYPE,
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
    }
    request = AWSRequest("POST", f"{target.origin}/", headers, body)
    return target.signature.headers(request, _SIGNATURE_VERSION)


def _is_readable(connection: HTTPConnection) -> bool:
    """Tell, without waiting, whether something has come over a connection, or its end."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
