"""Sending one file: in one request, or in parts straight to the bucket when it is large."""

from __future__ import annotations

import json
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO

import httpx

LARGEST_POST_BYTES = 4 << 20
"""Largest file sent in one request: API Gateway and Lambda carry little more."""
_ATTEMPTS = 6
_TRANSIENT = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class Refused(Exception):
    """The server does not take this file; the message says why."""


class Failed(Exception):
    """The server kept failing on this file."""


class Stopped(Exception):
    """No file can be sent: a server is down or not trusted; the message is one line."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends files to one server; safe to share between threads.

    Attributes
    ----------
    api : httpx.Client
        Has the server's address and the login.
    bucket : httpx.Client
        For signed addresses: it must not have a login.
    sleep : callable
        Waits some seconds between attempts.
    """

    api: httpx.Client
    bucket: httpx.Client
    sleep: Callable[[float], None] = time.sleep

    def send(self, file: BinaryIO, size_bytes: int) -> str:
        """Send one file and return the server's `Status`.

        Raises
        ------
        Refused, Failed, Stopped
            It was not stored.
        """
        if size_bytes > LARGEST_POST_BYTES:
            return self._send_in_parts(file, size_bytes)
        body = file.read()
        return _status(self._request(self.api, "POST", "/instances", body))

    def _send_in_parts(self, file: BinaryIO, size_bytes: int) -> str:
        opened = self._post_json("/uploads", {"Size": size_bytes}).json()
        etags = []
        for url in opened["Parts"]:
            part = file.read(opened["PartSize"])
            etags.append(self._request(self.bucket, "PUT", url, part).headers["ETag"])
        finish = {"UploadId": opened["UploadId"], "ETags": etags}
        return _status(self._post_json(f"{opened['Path']}/complete", finish))

    def _post_json(self, path: str, value: object) -> httpx.Response:
        return self._request(self.api, "POST", path, json.dumps(value).encode())

    def _request(self, client: httpx.Client, method: str, url: str, body: bytes) -> httpx.Response:
        failure: Failed | Stopped = Failed()
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.sleep(min(20.0, 0.2 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311
            try:
                response = client.request(method, url, content=body)
            except httpx.TransportError as exc:
                failure = _explain_transport(exc)
                continue
            if response.is_success:
                return response
            reason = _explain(response)
            if response.status_code not in _TRANSIENT:
                raise Refused(reason)
            failure = Failed(reason)
        raise failure


def _status(response: httpx.Response) -> str:
    answer = response.json()
    return str(answer["Status"]) if isinstance(answer, dict) else "Success"


def _explain_transport(exc: httpx.TransportError) -> Failed | Stopped:
    """Return what to raise when there are no more attempts.

    Raises
    ------
    Stopped
        The server's certificate is not trusted: no attempt will change that.
    """
    # Neither a signed address's signature nor a login: this is printed.
    server = f"{exc.request.url.scheme}://{exc.request.url.netloc.decode()}"
    certificate = _certificate_error(exc)
    if certificate is not None:
        raise Stopped(
            f"The certificate of {server} is not trusted ({certificate.verify_message}): name what "
            "to trust with --ca-bundle; a local stack's is DATA/tls/trusted.pem"
        ) from exc
    reason = f"{type(exc).__name__}: {exc}"
    if isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout):
        return Stopped(f"Cannot reach {server} ({reason})")
    return Failed(reason)


def _certificate_error(exc: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return the cause of an error that is about a certificate."""
    while exc is not None and not isinstance(exc, ssl.SSLCertVerificationError):
        exc = exc.__cause__ or exc.__context__
    return exc


def _explain(response: httpx.Response) -> str:
    """Return the server's own words, else the HTTP status."""
    try:
        error = response.json()
        words = error.get("Details") or error.get("Message")
    except (json.JSONDecodeError, AttributeError):
        words = None
    return str(words or f"HTTP {response.status_code} {response.reason_phrase}")
