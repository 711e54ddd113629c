"""S3's PUT and ranged GET of one object without most of botocore: what each instance costs anyway.

A call of a boto3 client takes some two milliseconds of processor time: parameters, events, endpoint
rules, parsers. These two take half of it. botocore still decides where a bucket is, and signs: the
client's own first request for a bucket shows both. Nothing is decided here: what is not answered
with success is None, and the caller asks again through the client, which retries and knows errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from nephele.aws.learned import Signature, trusted_certificates

if TYPE_CHECKING:
    from botocore.hooks import EventAliaser
    from mypy_boto3_s3.client import S3Client

_OBJECT = "nephele.object"
_OPERATIONS = {"PUT": "PutObject", "GET": "GetObject"}
_SIGNATURE_VERSION = "s3v4"
_UNRESERVED = "/-._~"
_CONNECTIONS = 32
_TIMEOUT = urllib3.Timeout(connect=3, read=20)


@dataclass(frozen=True, slots=True)
class Answer:
    """What S3 answered with success; header names in any case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a client sends requests for a bucket, and how it signs them.

    Attributes
    ----------
    path : str
        What stands before each key: empty when the host names the bucket.
    """

    pool: urllib3.HTTPConnectionPool
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
        self._pools = urllib3.PoolManager(
            maxsize=_CONNECTIONS,
            timeout=_TIMEOUT,
            ca_certs=trusted_certificates(),
        )
        for operation in _OPERATIONS.values():
            self._events.register(f"before-parameter-build.s3.{operation}", _note_object)
            self._events.register(f"before-sign.s3.{operation}", self._learn)

    def put(self, bucket: str, key: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Write an object; False if the client has to do it."""
        return self._send("PUT", bucket, key, headers, body, 200) is not None

    def get(self, bucket: str, key: str, byte_range: str) -> Answer | None:
        """Read `bytes=first-last` of an object; None if the client has to do it."""
        return self._send("GET", bucket, key, {"Range": byte_range}, None, 206)

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
            pool=self._pools.connection_from_url(origin),
            origin=origin,
            path=base.path,
            signature=Signature.learned(request, facts),
        )

    def _send(
        self,
        method: str,
        bucket: str,
        key: str,
        headers: Mapping[str, str],
        body: bytes | None,
        success: int,
    ) -> Answer | None:
        target = self._targets.get(bucket)
        if target is None:
            return None
        path = f"{target.path}/{quote(key, safe=_UNRESERVED)}"
        request = AWSRequest(method, target.origin + path, {"User-Agent": "nephele", **headers})
        signed = target.signature.headers(request, _SIGNATURE_VERSION, client_config=self._config)
        prepared = AWSPreparedRequest(method, target.origin + path, signed, body, False)
        event = f"before-send.s3.{_OPERATIONS[method]}"
        _, stand_in = self._events.emit_until_response(event, request=prepared)
        if stand_in is not None:
            status, found = stand_in.status_code, Answer(stand_in.headers, stand_in.content)
            return found if status == success else None
        try:
            response = target.pool.urlopen(
                method, path, body, signed, retries=False, decode_content=False
            )
        except HTTPError:
            return None
        return Answer(response.headers, response.data) if response.status == success else None


@lru_cache(maxsize=1)
def direct_requests(client: S3Client) -> DirectRequests:
    """Return the direct requests of a client."""
    return DirectRequests(client)


def _note_object(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Let a request say later which object it is about."""
    context[_OBJECT] = params.get("Bucket", ""), params.get("Key", "")
