"""Peers made by hand: each answers as a test says, and keeps what it was sent."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pydicom

from nephele.domain.header import read_file_header
from nephele.domain.levels import Level

Behaviour = Callable[["Handler"], None]


@dataclass
class PeerServer:
    """What a peer was sent; `behaviours` are used up first, one for each request."""

    url: str
    behaviours: list[Behaviour] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    before_storing: Behaviour | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    peer: PeerServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer `/system`, and whether an instance is there."""
        if self._next_behaviour():
            return
        if self.path == "/system":
            self.answer(200, {"Name": "peer", "ApiVersion": 30})
        elif self.path.rpartition("/")[2] in self.peer.stored:
            self.answer(200, {"ID": self.path.rpartition("/")[2]})
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        """Store an instance."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.peer.lock:
            self.peer.headers.append(dict(self.headers))
        if self._next_behaviour():
            return
        plain = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
        self.store(plain)

    def store(self, plain: bytes) -> None:
        """Keep an instance and confirm it."""
        if self.peer.before_storing is not None:
            self.peer.before_storing(self)
        uid = str(pydicom.dcmread(BytesIO(plain), stop_before_pixels=True).SOPInstanceUID)
        identifier = instance_id(plain)
        with self.peer.lock:
            status = "AlreadyStored" if identifier in self.peer.stored else "Success"
            self.peer.stored.append(identifier)
            self.peer.bodies.append(plain)
        self.answer(200, {"ID": identifier, "Status": status, "Uid": uid})

    def _next_behaviour(self) -> bool:
        with self.peer.lock:
            behaviour = self.peer.behaviours.pop(0) if self.peer.behaviours else None
        if behaviour is not None:
            behaviour(self)
        return behaviour is not None

    def answer(self, status: int, value: Any, kind: str = "application/json") -> None:
        """Answer with JSON, or with the bytes given."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def instance_id(part10: bytes) -> str:
    """Return the id an archive gives a file."""
    header = read_file_header(BytesIO(part10), "Latin1", 1 << 20)
    return header.identity.orthanc_id(Level.INSTANCE)


@contextmanager
def peer_server(context: ssl.SSLContext | None = None) -> Iterator[PeerServer]:
    """Run a peer on a free port, over TLS where a context is given."""
    handler = type("Bound", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    scheme = "http"
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    handler.peer = peer = PeerServer(f"{scheme}://127.0.0.1:{server.server_address[1]}/")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
