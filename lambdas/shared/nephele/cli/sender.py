"""Sending one file: in one request, or in parts straight to the bucket when it is large."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import BinaryIO

import httpx

from nephele.cli.exchange import Sleep, checked, insist

LARGEST_POST_BYTES = 4 << 20
"""Largest file sent in one request: API Gateway and Lambda carry little more."""


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

    def send(self, file: BinaryIO, size_bytes: int) -> str:
        """Send one instance and return the server's `Status`.

        Raises
        ------
        Refused, Failed, Stopped
            It was not stored.
        """
        if size_bytes > LARGEST_POST_BYTES:
            return _status(self._send_in_parts(file, size_bytes, {}))
        return _status(self.request("POST", "/instances", file.read()))

    def attach(self, file: BinaryIO, size_bytes: int, path: str) -> None:
        """Attach a file at a path like `/studies/{id}/attachments/{name}`. Raises as `send`."""
        if size_bytes > LARGEST_POST_BYTES:
            self._send_in_parts(file, size_bytes, {"Attachment": path})
        else:
            self.request("PUT", path, file.read())

    def request(self, method: str, path: str, body: bytes) -> httpx.Response:
        """Ask the server itself. Raises as `send`."""
        return self._request(self.api, method, path, body)

    def _send_in_parts(
        self, file: BinaryIO, size_bytes: int, more: dict[str, str]
    ) -> httpx.Response:
        opened = self._post_json("/uploads", {"Size": size_bytes}).json()
        etags = []
        for url in opened["Parts"]:
            part = file.read(opened["PartSize"])
            etags.append(self._request(self.bucket, "PUT", url, part).headers["ETag"])
        finish = {"UploadId": opened["UploadId"], "ETags": etags, **more}
        return self._post_json(f"{opened['Path']}/complete", finish)

    def _post_json(self, path: str, value: object) -> httpx.Response:
        return self.request("POST", path, json.dumps(value).encode())

    def _request(self, client: httpx.Client, method: str, url: str, body: bytes) -> httpx.Response:
        return insist(lambda: checked(client.request(method, url, content=body)), self.sleep)


def _status(response: httpx.Response) -> str:
    answer = response.json()
    return str(answer["Status"]) if isinstance(answer, dict) else "Success"
