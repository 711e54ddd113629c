"""Sending one file: in one request, or in parts straight to the bucket when it is large."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import BinaryIO

import httpx

from nephele.cli.exchange import Refused, Sleep, checked, insist

LARGEST_POST_BYTES = 4 << 20
"""Largest file sent in one request: API Gateway and Lambda carry little more."""
Advance = Callable[[int], object]
"""Is told how many bytes more the server has, after each part of a large file."""
_PAUSE_SECONDS = 1.0
"""Between two calls that wait for a job, each of them as long as a call may."""


def unheeded(_size_bytes: int) -> None:
    """Stand for an `Advance` that nobody asked for."""


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
    sleep: Sleep = time.sleep

    def send(self, file: BinaryIO, size_bytes: int, advance: Advance = unheeded) -> str:
        """Send one instance and return the server's `Status`.

        Of a file in parts, `advance` is told the bytes of each part that arrived, else nothing.

        Raises
        ------
        Refused, Failed, Stopped
            It was not stored.
        """
        if size_bytes > LARGEST_POST_BYTES:
            return _status(self._send_in_parts(file, size_bytes, {}, advance))
        return _status(self.request("POST", "/instances", file.read()))

    def attach(self, file: BinaryIO, size_bytes: int, path: str) -> None:
        """Attach a file at a path like `/studies/{id}/attachments/{name}`. Raises as `send`."""
        if size_bytes > LARGEST_POST_BYTES:
            self._send_in_parts(file, size_bytes, {"Attachment": path}, unheeded)
        else:
            self.request("PUT", path, file.read())

    def request(self, method: str, path: str, body: bytes) -> httpx.Response:
        """Ask the server itself. Raises as `send`."""
        return self._request(self.api, method, path, body)

    def _send_in_parts(
        self, file: BinaryIO, size_bytes: int, more: dict[str, str], advance: Advance
    ) -> httpx.Response:
        opened = self._post_json("/uploads", {"Size": size_bytes}).json()
        etags = []
        for url in opened["Parts"]:
            part = file.read(opened["PartSize"])
            etags.append(self._request(self.bucket, "PUT", url, part).headers["ETag"])
            advance(len(part))
        finish = {"UploadId": opened["UploadId"], "ETags": etags, **more}
        return self._awaited(f"{opened['Path']}/complete", finish)

    def _awaited(self, path: str, value: object) -> httpx.Response:
        """POST what a job may do, and wait for its end: large files take longer than a call may."""
        body = json.dumps(value).encode()
        request = self.api.build_request("POST", path, content=body)
        while True:
            response = insist(partial(_asked, self.api, request), self.sleep)
            if response.status_code != HTTPStatus.SEE_OTHER or response.next_request is None:
                return response
            request = response.next_request
            if request.url.netloc != response.url.netloc:
                raise Refused("The server leads elsewhere")  # which the login is not for
            self.sleep(_PAUSE_SECONDS)

    def _post_json(self, path: str, value: object) -> httpx.Response:
        return self.request("POST", path, json.dumps(value).encode())

    def _request(self, client: httpx.Client, method: str, url: str, body: bytes) -> httpx.Response:
        return insist(lambda: checked(client.request(method, url, content=body)), self.sleep)


def _asked(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """Ask a server; that it leads to where a job ends is an answer too."""
    response = client.send(request)
    return response if response.status_code == HTTPStatus.SEE_OTHER else checked(response)


def _status(response: httpx.Response) -> str:
    answer = response.json()
    return str(answer["Status"]) if isinstance(answer, dict) else "Success"
