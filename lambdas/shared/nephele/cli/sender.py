"""Sending one file: in one request, or in parts straight to the bucket when it is large."""

from __future__ import annotations

import json
import random
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
    """The server could not be reached, or kept failing."""


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
        Refused, Failed
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
        reason = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.sleep(min(20.0, 0.2 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311
            try:
                response = client.request(method, url, content=body)
            except httpx.TransportError as exc:
                reason = f"{type(exc).__name__}: {exc}"
                continue
            if response.is_success:
                return response
            reason = _explain(response)
            if response.status_code not in _TRANSIENT:
                raise Refused(reason)
        raise Failed(reason)


def _status(response: httpx.Response) -> str:
    answer = response.json()
    return str(answer["Status"]) if isinstance(answer, dict) else "Success"


def _explain(response: httpx.Response) -> str:
    """Return the server's own words, else the HTTP status."""
    try:
        error = response.json()
        words = error.get("Details") or error.get("Message")
    except (json.JSONDecodeError, AttributeError):
        words = None
    return str(words or f"HTTP {response.status_code} {response.reason_phrase}")
