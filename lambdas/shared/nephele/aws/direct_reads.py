"""DynamoDB's reads, asked now and answered later, by one thread.

Whoever reads a thousand rows wants the next hundred to be looked up while these are decoded. A
thread for that fights for the interpreter with the one that decodes, which costs a quarter of the
time of both; a request that is sent now and read later costs nothing. botocore cannot do that, so
such requests go past it as those of `nephele.aws.direct`: the client's own first request shows
where to and who signs, and what is not answered with success the client asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.utils import get_environ_proxies

from nephele.aws.connections import Connections
from nephele.aws.connections import Reply as AnyReply
from nephele.aws.learned import Signature
from nephele.aws.quick_rows import parse_rows

if TYPE_CHECKING:
    from botocore.hooks import EventAliaser
    from mypy_boto3_dynamodb.client import DynamoDBClient

_METHODS = {"BatchGetItem": "batch_get_item", "Query": "query"}
_SIGNATURE_VERSION = "v4"
_CONTENT_TYPE = "application/x-amz-json-1.0"
_READ_SECONDS = 10.0

Reply = AnyReply[dict[str, Any]]
"""What DynamoDB will answer, in its own JSON."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a client sends its requests, and how it signs them."""

    origin: str
    signature: Signature
    connections: Connections

    def receive(self, connection: HTTPConnection) -> dict[str, Any] | None:
        """Return an answer, None where it is no success."""
        answer = self.connections.receive(connection)
        is_success = answer is not None and answer.status == HTTPStatus.OK
        return parse_rows(answer.body) if answer is not None and is_success else None


class DirectReads:
    """Reads of a client, after it has sent one of the kind by itself."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client
        self._events = cast("EventAliaser", client.meta.events)
        self._target: _Target | None = None
        self._events.register("before-sign.dynamodb", self._learn)

    def begin(self, operation: str, request: Mapping[str, Any]) -> Reply:
        """Send a request, `BatchGetItem` or `Query`, that holds no binary values."""

        def ask() -> dict[str, Any]:
            answer: dict[str, Any] = getattr(self._client, _METHODS[operation])(**request)
            return answer

        if self._target is None:
            return Reply(None, _never, ask)
        return Reply(self._send(self._target, operation, request), self._target.receive, ask)

    def _learn(self, request: AWSRequest, **facts: Any) -> None:
        """Remember where the client sends requests, and who signs them."""
        url = str(request.url)
        if self._target is not None or get_environ_proxies(url):
            return
        base = urlsplit(url)
        origin = f"{base.scheme}://{base.netloc}"
        signature = Signature.learned(request, facts)
        self._target = _Target(origin, signature, Connections(origin, _READ_SECONDS))

    def _send(
        self, target: _Target, operation: str, request: Mapping[str, Any]
    ) -> HTTPConnection | None:
        body = orjson.dumps(request)
        headers = _signed(target, operation, body)
        prepared = AWSPreparedRequest("POST", f"{target.origin}/", headers, body, False)
        event = f"before-send.dynamodb.{operation}"
        if self._events.emit_until_response(event, request=prepared)[1] is not None:
            return None  # somebody stands in for AWS: the client knows how to listen to him
        return target.connections.send("POST", "/", headers, body)


def _never(_: HTTPConnection) -> None:
    """Read nothing: there is no connection yet."""


@lru_cache(maxsize=1)
def direct_reads(client: DynamoDBClient) -> DirectReads:
    """Return the direct reads of a client."""
    return DirectReads(client)


def _signed(target: _Target, operation: str, body: bytes) -> Any:
    headers = {
        "User-Agent": "nephele",
        "Content-Type": _CONTENT_TYPE,
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
    }
    request = AWSRequest("POST", f"{target.origin}/", headers, body)
    return target.signature.headers(request, _SIGNATURE_VERSION)
