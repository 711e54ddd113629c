"""S3 and DynamoDB as far as the edge uses them, answering at once: what is left is the edge.

It keeps objects (or their sizes only) and shows them as indexed at a chosen rate. Requests can be
made to fail. It is not an archive: nothing can be listed, and no query finds anything.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

_BUFFER_BYTES = 1 << 20
_NO_ROWS = b'{"Items":[],"Count":0,"ScannedCount":0}'


@dataclass(slots=True)
class StoredObject:
    """An object that was PUT; `body` is empty unless bodies are kept."""

    key: str
    received: str
    size_bytes: int
    body: bytes
    put_at: float


@dataclass(slots=True)
class _Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    size_bytes: int


@dataclass(slots=True)
class ArchiveStub:
    """A server on a free port of this machine.

    Attributes
    ----------
    index_rate : float or None
        Instances per second that become readable; None for at once, 0 for never.
    failing_puts : int
        How many writes are still answered with 503; each try of a client counts.
    reads : int
        Rows that were asked for.
    """

    keeps_bodies: bool = False
    index_rate: float | None = None
    failing_puts: int = 0
    put_seconds: float = 0.0
    objects: dict[str, StoredObject] = field(default_factory=dict)
    reads: int = 0
    _uploads: dict[str, list[bytes]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _socket: socket.socket = field(
        default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=128)
    )
    _visible: dict[str, StoredObject] = field(default_factory=dict)
    _waiting: list[StoredObject] = field(default_factory=list)
    _indexed_at: float = 0.0

    @property
    def url(self) -> str:
        """Return the endpoint."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """Serve in threads of this process."""
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Accept no more connections."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def reset(self) -> None:
        """Forget all objects, and answer at once again."""
        with self._lock:
            for kept in (self.objects, self._uploads, self._visible, self._waiting):
                kept.clear()
            self.index_rate, self.failing_puts, self.put_seconds, self.reads = None, 0, 0.0, 0
            self.keeps_bodies = True

    def is_readable(self, orthanc_id: str) -> bool:
        """Tell whether an instance is indexed."""
        with self._lock:
            self._index()
            return orthanc_id in self._visible

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = bytearray(_BUFFER_BYTES)
        with connection:
            while request := self._read(connection, buffer):
                status, headers, body = self._answer(request)
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
                connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def _read(self, connection: socket.socket, buffer: bytearray) -> _Request | None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (part := connection.recv(65536)):
                return None
            head += part
        head, _, body = head.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        if "expect" in headers:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = int(headers.get("content-length", 0))
        is_kept = self.keeps_bodies or "x-amz-target" in headers or size < 65536
        parts = [body] if is_kept else []
        missing = size - len(body)
        while missing > 0:
            count = connection.recv_into(buffer, min(missing, len(buffer)))
            if not count:
                return None
            if is_kept:
                parts.append(bytes(buffer[:count]))
            missing -= count
        method, target, _ = first.split(" ")
        return _Request(method, target, headers, b"".join(parts), size)

    def _answer(self, request: _Request) -> tuple[int, list[str], bytes]:
        if "x-amz-target" in request.headers:
            return 200, ["Content-Type: application/x-amz-json-1.0"], self._ask_table(request)
        with self._lock:
            if self.failing_puts > 0:
                self.failing_puts -= 1
                return 503, [], b"<Error><Code>SlowDown</Code></Error>"
        if self.put_seconds:
            time.sleep(self.put_seconds)
        url = urlsplit(request.target)
        query = parse_qs(url.query, keep_blank_values=True)
        key = unquote(url.path).split("/", 2)[2]
        with self._lock:
            return self._write(key, query, request)

    def _write(
        self, key: str, query: dict[str, list[str]], request: _Request
    ) -> tuple[int, list[str], bytes]:
        etag = ['ETag: "0"']
        if "uploads" in query:
            self._uploads[key] = [request.headers.get("x-amz-meta-received", "").encode()]
            answer = "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
            return 200, [], f"{answer}</InitiateMultipartUploadResult>".encode()
        if "partNumber" in query:
            self._uploads[key] += [request.body, str(request.size_bytes).encode()]
            return 200, etag, b""
        if request.method == "DELETE":
            self._uploads.pop(key, None)
            return 204, [], b""
        if "uploadId" in query:
            received, *parts = self._uploads.pop(key)
            size = sum(int(part) for part in parts[1::2])
            self._keep(key, received.decode(), b"".join(parts[::2]), size)
            result = "CompleteMultipartUploadResult"
            return 200, [], f'<{result}><ETag>"0"</ETag></{result}>'.encode()
        received_header = request.headers.get("x-amz-meta-received", "")
        self._keep(key, received_header, request.body, request.size_bytes)
        return 200, etag, b""

    def _keep(self, key: str, received: str, body: bytes, size: int) -> None:
        kept = body if self.keeps_bodies else b""
        stored = StoredObject(key, unquote(received), size, kept, time.monotonic())
        self.objects[key] = stored
        if not self._waiting:
            self._indexed_at = time.monotonic()
        self._waiting.append(stored)

    def _index(self) -> None:
        count = len(self._waiting)
        if self.index_rate is not None:
            now = time.monotonic()
            count = min(count, int((now - self._indexed_at) * self.index_rate))
            if not count:
                return
            self._indexed_at = now
        for stored in self._waiting[:count]:
            self._visible.setdefault(stored.key.split("/")[2], stored)
        del self._waiting[:count]

    def _ask_table(self, request: _Request) -> bytes:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        if operation == "Query":
            return _NO_ROWS
        return self._batch_get(request.body) if operation == "BatchGetItem" else b"{}"

    def _batch_get(self, body: bytes) -> bytes:
        ((table, wanted),) = json.loads(body)["RequestItems"].items()
        with self._lock:
            self._index()
            ids = [key["pk"]["S"] for key in wanted["Keys"]]
            self.reads += len(ids)
            rows = [self._row(orthanc_id) for orthanc_id in ids if orthanc_id in self._visible]
        return json.dumps({"Responses": {table: rows}, "UnprocessedKeys": {}}).encode()

    def _row(self, orthanc_id: str) -> dict[str, dict[str, str]]:
        stored = self._visible[orthanc_id]
        uuid = stored.key.rpartition("/")[2]
        return {
            "pk": {"S": orthanc_id},
            "sk": {"S": "R"},
            "v": {"S": uuid},
            "r": {"S": stored.received},
        }


def main() -> None:
    """Serve until the standard input ends; print the endpoint."""
    stub = ArchiveStub()
    stub.start()
    print(stub.url, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
