"""Reads that are asked now and answered later are the client's requests, each with its answer."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from infra.local.certificate import Certificate, ensure_certificate
from nephele.aws import clients
from nephele.aws.index.meter import Meter
from nephele.aws.index.table import Table
from nephele.errors import Unavailable

_NOT_SIGNED = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "accept-encoding"}
_THROTTLED = {"__type": "x#ProvisionedThroughputExceededException", "message": "slow"}
_BROKEN = "the connection is closed in the middle of the answer"
_CLOSING = "the connection is closed behind the answer"

Document = dict[str, Any]


def row(number: int) -> Document:
    return {"pk": {"S": "p"}, "sk": {"S": f"{number:04}"}, "b": {"B": "AAEC"}}


@dataclass
class Stub:
    """Stands for DynamoDB: `answer` tells status and document of each request, or how it fails."""

    requests: list[tuple[dict[str, str], Document]] = field(default_factory=list)
    answer: Callable[[Document], tuple[int, Document] | str] = lambda request: (
        200,
        {"Items": [row(len(request["ExpressionAttributeValues"]))]},
    )
    connections: int = 0


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    with _serving(monkeypatch, None) as stub:
        yield stub


@pytest.fixture
def secure_stub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stub]:
    with _serving(monkeypatch, ensure_certificate(tmp_path)) as stub:
        yield stub


@contextmanager
def _serving(monkeypatch: pytest.MonkeyPatch, certificate: Certificate | None) -> Iterator[Stub]:
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            stub.connections += 1

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            stub.requests.append((headers, request))
            told = stub.answer(request)
            status, document = (200, {"Items": [row(0)]}) if isinstance(told, str) else told
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:5] if told == _BROKEN else body)
            self.close_connection = isinstance(told, str)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = certificate.server_context()
        server.socket = context.wrap_socket(server.socket, server_side=True)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.bundle))
    thread = Thread(target=server.serve_forever)
    thread.start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    scheme = "http" if certificate is None else "https"
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{scheme}://127.0.0.1:{server.server_port}")
    clients.dynamodb.cache_clear()
    yield stub
    clients.dynamodb.cache_clear()
    server.shutdown()
    thread.join()
    server.server_close()


def partition(table: Table, pk: str) -> list[str]:
    return [one["sk"]["S"] for one in table.begin_query(pk).rows()]


def by_partition(request: Document) -> tuple[int, Document]:
    """Answer with a row that tells which partition was asked for."""
    pk = request["ExpressionAttributeValues"][":pk"]["S"]
    return 200, {"Items": [{"pk": {"S": pk}, "sk": {"S": pk}}]}


def test_the_second_request_is_signed_and_sent_as_the_clients_first(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moment)
    for _ in range(2):
        partition(Table("t"), "pä")
    (first, asked), (second, asked_again) = stub.requests
    assert asked_again == asked
    assert asked["ConsistentRead"] is True
    assert "amz-sdk-request" in first
    assert "amz-sdk-request" not in second
    signature = {"authorization", "content-length", "content-type"}
    assert {name: second[name] for name in second.keys() - _NOT_SIGNED - signature} == {
        name: first[name] for name in first.keys() - _NOT_SIGNED - signature
    }
    assert second["content-type"] == first["content-type"]
    begin = second["authorization"].partition("Signature=")[0]
    assert begin == first["authorization"].partition("Signature=")[0]


def test_each_reply_is_that_of_its_request(stub: Stub) -> None:
    stub.answer = by_partition
    table = Table("t")
    partition(table, "first")
    begun = [table.begin_query(f"p{number}") for number in range(4)]
    begun.pop(1).discard()
    found = [[one["sk"]["S"] for one in rows.rows()] for rows in reversed(begun)]
    assert found == [["p3"], ["p2"], ["p0"]]
    assert [partition(table, pk) for pk in ("p8", "p9")] == [["p8"], ["p9"]]
    assert stub.connections == 5, "one of the client, four of which three are used again"


@pytest.mark.parametrize(
    "failure", [(400, _THROTTLED), (503, {}), _BROKEN], ids=["throttled", "unavailable", "broken"]
)
def test_what_fails_is_asked_again_by_the_client(
    stub: Stub, failure: tuple[int, Document] | str
) -> None:
    stub.answer = by_partition
    table = Table("t")
    partition(table, "first")
    failures = [failure]
    stub.answer = lambda request: failures.pop() if failures else by_partition(request)
    assert partition(table, "p") == ["p"]
    assert ["amz-sdk-request" in headers for headers, _ in stub.requests] == [True, False, True]


def test_a_connection_that_was_closed_is_not_used_again(stub: Stub) -> None:
    table = Table("t")
    stub.answer = by_partition
    partition(table, "first")
    stub.answer = lambda _: _CLOSING
    assert partition(table, "p") == ["0000"]
    stub.answer = by_partition
    assert [partition(table, "p"), partition(table, "p")] == [["p"], ["p"]]


def test_errors_are_the_clients(stub: Stub) -> None:
    stub.answer = by_partition
    partition(Table("t"), "first")
    stub.answer = lambda _: (400, {"__type": "x#ValidationException", "message": "no"})
    with pytest.raises(Unavailable, match="ValidationException"):
        partition(Table("t"), "p")


def test_pages_are_read_to_the_last(stub: Stub) -> None:
    def pages(request: Document) -> tuple[int, Document]:
        after = int(request.get("ExclusiveStartKey", row(0))["sk"]["S"])
        more = {"LastEvaluatedKey": {"sk": {"S": f"{after + 1:04}"}}} if after < 3 else {}
        return 200, {"Items": [row(after)], **more}

    stub.answer = pages
    for _ in range(2):
        meter = Meter(100, 100)
        rows = list(Table("t", meter).begin_query("p", "0").rows())
        assert [one["sk"]["S"] for one in rows] == ["0000", "0001", "0002", "0003"]
        assert {one["b"]["B"] for one in rows} == {b"\0\1\2"}
        assert (meter.items, meter.units) == (4, 4)
    few = iter(Table("t").begin_query("p").rows())
    assert next(few)["sk"]["S"] == "0000"
    few.close()  # type: ignore[attr-defined]
    assert partition(Table("t"), "p") == ["0000", "0001", "0002", "0003"]


@pytest.mark.parametrize("name", ["stub", "secure_stub"])
def test_what_a_server_says_of_itself_is_no_answer(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Over a new connection a server of TLS 1.3 sends tickets, before it is asked anything."""
    stub: Stub = request.getfixturevalue(name)
    stub.answer = by_partition
    table = Table("t")
    partition(table, "first")
    was_asked, may_answer = Event(), Event()

    def late(asked: Document) -> tuple[int, Document]:
        was_asked.set()
        assert may_answer.wait(30)
        return by_partition(asked)

    stub.answer = late
    begun, dropped = table.begin_query("p"), table.begin_query("q")
    try:
        assert was_asked.wait(30)
        assert not begun.has_arrived()
        dropped.discard()
    finally:
        may_answer.set()
    deadline = time.monotonic() + 30
    while not begun.has_arrived():
        assert time.monotonic() < deadline
    assert begun.has_arrived(), "it is not gone by looking at it"
    assert [one["sk"]["S"] for one in begun.rows()] == ["p"]
    assert [partition(table, pk) for pk in ("r", "s")] == [["r"], ["s"]]


def test_keys_that_were_left_are_read_again(stub: Stub) -> None:
    def half(request: Document) -> tuple[int, Document]:
        keys = request["RequestItems"]["t"]["Keys"]
        read, left = keys[: len(keys) // 2 or 1], keys[len(keys) // 2 or 1 :]
        rest = {"UnprocessedKeys": {"t": {"Keys": left, "ConsistentRead": True}}} if left else {}
        return 200, {"Responses": {"t": [row(int(key["sk"]["S"])) for key in read]}, **rest}

    stub.answer = half
    keys = [{"pk": {"S": "p"}, "sk": {"S": f"{number:04}"}} for number in range(5)]
    for _ in range(2):
        meter = Meter(100, 100)
        rows = list(Table("t", meter).begin_get_all(keys).rows())  # type: ignore[arg-type]
        assert sorted(one["sk"]["S"] for one in rows) == [f"{number:04}" for number in range(5)]
        assert (meter.items, meter.units) == (5, 5)
    assert not list(Table("t").begin_get_all([]).rows())
