"""An HTTP client that costs next to nothing, so that the server is what is measured."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 60.0


class RestClient:
    """One connection that is kept open."""

    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_SECONDS)

    def get(self, path: str) -> bytes:
        """Return what a path answers."""
        return self.ask("GET", path)

    def json(self, path: str) -> Any:
        """Return what a path answers, parsed."""
        return json.loads(self.get(path))

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send a request and return the answer's body; a redirect is an answer too.

        Raises
        ------
        RuntimeError
            The server refused.
        """
        headers = {} if body is None else {"Content-Type": "application/octet-stream"}
        self._connection.request(method, path, body=body, headers=headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path.split('/')[1]}: {answer.status}")
        return content
