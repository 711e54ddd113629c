"""S3's PUT and ranged GET of one object without most of botocore: what each instance costs anyway.

A call of a boto3 client takes some two milliseconds of processor time: parameters, events, endpoint
rules, parsers. These two take half of it. botocore still decides where a bucket is, and signs: the
client's own first request for a bucket shows both. Nothing is decided here: what is not answered
with success is None, and the caller asks again through the client, which retries and knows errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.utils import get_environ_proxies

from nephele.aws.connections import Answer, Connections, Reply
from nephele.aws.learned import Signature

if TYPE_CHECKING:
    from botocore.hooks import EventAliaser
    from mypy_boto3_s3.client import S3Client

_OBJECT = "nephele.object"
_OPERATIONS = {"PUT": "PutObject", "GET": "GetObject"}
_SUCCESS = {"PUT": HTTPStatus.OK, "GET": HTTPStatus.PARTIAL_CONTENT}
_SIGNATURE_VERSION = "s3v4"
_UNRESERVED = "/-._~"
_READ_SECONDS = 20.0

_Asked = TypeVar("_Asked")


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a client sends requests for a bucket, and how it signs them.

    Attributes
    ----------
    path : str
        What stands before each key: empty when the host names the bucket.
    """

    connections: Connections
    origin: str
    path: str
    signature: Signature


class DirectRequests:
    """Send requests as a client would; it has to have sent one by itself before.

    Parameters
    ----------
    client : S3Client
        It signs with `s3v4`, and leaves payloads unsigned.
    """

    def __init__(self, client: S3Client) -> None:
        self._config = client.meta.config
        self._events = cast("EventAliaser", client.meta.events)
        self._targets: dict[str, _Target] = {}
        self._connections: dict[str, Connections] = {}
        for operation in _OPERATIONS.values():
            self._events.register(f"before-parameter-build.s3.{operation}", _note_object)
            self._events.register(f"before-sign.s3.{operation}", self._learn)

    def put(self, bucket: str, key: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Write an object; False if the client has to do it."""
        return self._begin("PUT", bucket, key, headers, body, lambda: None).read() is not None

    def begin_get(
        self, bucket: str, key: str, byte_range: str, ask: Callable[[], Answer]
    ) -> Reply[Answer]:
        """Ask for `bytes=first-last` of an object; what the client has to do is for `ask`."""
        return self._begin("GET", bucket, key, {"Range": byte_range}, None, ask)

    def _learn(self, request: AWSRequest, **facts: Any) -> None:
        """Remember where the client sends a request, and who signs it; it is about to be signed."""
        context = request.context
        bucket, key = context.get(_OBJECT, ("", ""))
        url = str(request.url).partition("?")[0]
        suffix = f"/{quote(key, safe=_UNRESERVED)}"
        is_known = bucket in self._targets or context.get("is_presign_request")
        if is_known or not key or not url.endswith(suffix) or get_environ_proxies(url):
            return
        base = urlsplit(url.removesuffix(suffix))
        origin = f"{base.scheme}://{base.netloc}"
        self._targets[bucket] = _Target(
            connections=self._connections.setdefault(origin, Connections(origin, _READ_SECONDS)),
            origin=origin,
            path=base.path,
            signature=Signature.learned(request, facts),
        )

    def _begin(
        self,
        method: str,
        bucket: str,
        key: str,
        headers: Mapping[str, str],
        body: bytes | None,
        ask: Callable[[], _Asked],
    ) -> Reply[Answer | _Asked]:
        target = self._targets.get(bucket)
        if target is None:
            return Reply(None, _never, ask)
        success = _SUCCESS[method]
        path = f"{target.path}/{quote(key, safe=_UNRESERVED)}"
        request = AWSRequest(method, target.origin + path, {"User-Agent": "nephele", **headers})
        signed = target.signature.headers(request, _SIGNATURE_VERSION, client_config=self._config)
        prepared = AWSPreparedRequest(method, target.origin + path, signed, body, False)
        event = f"before-send.s3.{_OPERATIONS[method]}"
        _, stand_in = self._events.emit_until_response(event, request=prepared)
        if stand_in is not None:
            found = Answer.of(stand_in.status_code, stand_in.headers.items(), stand_in.content)
            return Reply(None, _never, ask if found.status != success else lambda: found)

        def receive(connection: HTTPConnection) -> Answer | None:
            answer = target.connections.receive(connection)
            return answer if answer is not None and answer.status == success else None

        return Reply(target.connections.send(method, path, signed, body), receive, ask)


def _never(_: HTTPConnection) -> None:
    """Read nothing: there is no connection."""


@lru_cache(maxsize=1)
def direct_requests(client: S3Client) -> DirectRequests:
    """Return the direct requests of a client."""
    return DirectRequests(client)


def _note_object(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Let a request say later which object it is about."""
    context[_OBJECT] = params.get("Bucket", ""), params.get("Key", "")
