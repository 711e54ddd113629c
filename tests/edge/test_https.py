"""The edge's own HTTPS, and clients that take its connections without using them."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from dimse_edge import control, http_protocol, https, pulse
from infra.local.certificate import ensure_certificate
from nephele.aws.bucket import Bucket
from nephele.aws.index import Index
from nephele.aws.index.table import Table
from nephele.rest import login
from nephele.services.archive import Archive
from nephele.services.login import Doorkeeper
from nephele.settings.configuration import parse_configuration
from nephele.settings.environment import EdgeEnvironment

_PATIENCE_SECONDS = 0.3
_PLACES = 5
_POST = b"POST /tools/find HTTP/1.1\r\nHost: edge\r\n"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "_MOST_CONNECTIONS", _PLACES)
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", _PATIENCE_SECONDS)
    monkeypatch.setattr(http_protocol, "BODY_SECONDS", _PATIENCE_SECONDS)


@pytest.fixture
def edge_environment(monkeypatch: pytest.MonkeyPatch) -> EdgeEnvironment:
    for name in ("JOBS_QUEUE", "EDGE_JOBS_QUEUE", "PEERS_SECRET", "BUCKET", "TABLE"):
        monkeypatch.setenv(f"NEPHELE_{name}", "none")
    monkeypatch.setenv("NEPHELE_BIND_ADDRESS", "127.0.0.1")
    monkeypatch.setenv("NEPHELE_CONFIGURATION", "{}")
    return EdgeEnvironment()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Return an archive that nobody asks for anything, with a certificate."""
    made = ensure_certificate(tmp_path)
    own = tmp_path / "own.pem"
    own.write_bytes(made.key.read_bytes() + made.chain.read_bytes())
    options = {"SslEnabled": True, "SslCertificate": str(own)}
    return Archive(
        parse_configuration(json.dumps(options)), Bucket("archive"), Index(Table("index"))
    )


@pytest.fixture
def port(archive: Archive, edge_environment: EdgeEnvironment) -> Iterator[int]:
    """Serve HTTPS without a login; return the port."""
    ready = threading.Event()
    server = https.make_server(archive, Doorkeeper(None), 1, ready.set)
    with https.listen(edge_environment, 0) as listener:
        serving = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        serving.start()
        assert ready.wait(30)
        yield listener.getsockname()[1]
        server.should_exit = True
        serving.join(30)


@pytest.fixture
def trusting(tmp_path: Path, port: int) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(port: int, trusting: ssl.SSLContext) -> ssl.SSLSocket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    return trusting.wrap_socket(connection)


def await_end(connection: ssl.SSLSocket) -> None:
    """Read until the server closes; TimeoutError if it does not."""
    with connection:
        try:
            while connection.recv(4096):
                pass
        except (ConnectionError, ssl.SSLError):
            return  # closed without a farewell


def ask(port: int, trusting: ssl.SSLContext, source: str = "127.0.0.1") -> int:
    """Ask for something without a login being needed; return the status."""
    asking = HTTPSConnection(
        "127.0.0.1", port, context=trusting, timeout=10, source_address=(source, 0)
    )
    asking.request("GET", "/patients/x/y")
    status = asking.getresponse().status
    asking.close()
    return status


def trickle(connection: ssl.SSLSocket, byte: bytes) -> None:
    """Send a byte again and again until the server closes; fail if it does not."""
    end = time.monotonic() + 10
    with connection:
        while time.monotonic() < end:
            try:
                connection.sendall(byte)
            except (ConnectionError, ssl.SSLError):
                return
            time.sleep(_PATIENCE_SECONDS / 10)
    pytest.fail("it is still open")


def test_who_only_connects_keeps_nobody_out(port: int, trusting: ssl.SSLContext) -> None:
    idle = [connect(port, trusting) for _ in range(_PLACES)]
    assert ask(port, trusting) == 503
    for connection in idle:
        await_end(connection)
    assert ask(port, trusting) == 404


def test_a_head_that_trickles_is_not_waited_for(port: int, trusting: ssl.SSLContext) -> None:
    trickle(connect(port, trusting), b"G")


@pytest.mark.parametrize(
    "length", [b"Content-Length: 10000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n2710\r\n"]
)
def test_a_body_that_trickles_is_not_waited_for(
    port: int, trusting: ssl.SSLContext, length: bytes
) -> None:
    connection = connect(port, trusting)
    connection.sendall(_POST + length)
    trickle(connection, b" ")


def test_a_body_that_comes_steadily_is_taken(
    port: int, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "BODY_BYTES", 1)
    with connect(port, trusting) as connection:
        connection.sendall(_POST + b"Content-Length: 20\r\n\r\n")
        for _ in range(20):
            time.sleep(_PATIENCE_SECONDS / 5)
            connection.sendall(b" ")
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_a_connection_rests_longer_between_requests(port: int, trusting: ssl.SSLContext) -> None:
    asking = HTTPSConnection("127.0.0.1", port, context=trusting, timeout=10)
    for _ in range(2):
        asking.request("GET", "/patients/x/y")
        first = asking.sock
        assert asking.getresponse().read() is not None
        time.sleep(_PATIENCE_SECONDS * 2)
    assert asking.sock is first is not None, "it is the same one"
    asking.close()


@pytest.fixture
def _has_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "_MOST_CONNECTIONS", 100)
    monkeypatch.setattr(http_protocol, "MOST_OF_ONE_ADDRESS", _PLACES)
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 60)


@pytest.mark.usefixtures("_has_one_bound", "port")
def test_one_address_that_comes_again_and_again_keeps_no_other_out(
    port: int, trusting: ssl.SSLContext
) -> None:
    idle = [connect(port, trusting) for _ in range(_PLACES)]
    for _ in range(3):
        await_end(connect(port, trusting))
    assert ask(port, trusting, "127.0.0.2") == 404
    idle.pop().close()
    assert ask_until(port, trusting) == 404, "its own place is free again"
    for connection in idle:
        connection.close()


def ask_until(port: int, trusting: ssl.SSLContext) -> int:
    """Ask as soon as the server has noticed that a connection is closed."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            return ask(port, trusting)
        except (ConnectionError, ssl.SSLError):
            continue
    pytest.fail("there is no place")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_addresses_of_one_client(one: str, other: str, is_same: bool) -> None:
    assert (http_protocol.origin_of(one) == http_protocol.origin_of(other)) is is_same


class _SlowLogin(login.Login):
    """Reads nothing of a body for a while, and then all of it."""

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        await asyncio.sleep(_PATIENCE_SECONDS * 4)
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]


@pytest.fixture
def _is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "Login", _SlowLogin)


@pytest.mark.usefixtures("_is_slow", "port")
@pytest.mark.parametrize("header", [b"", b"Expect: 100-continue\r\n"])
def test_time_of_the_server_is_not_the_clients(
    port: int, trusting: ssl.SSLContext, header: bytes
) -> None:
    size = 1 << 18
    with connect(port, trusting) as connection:
        connection.sendall(_POST + header + b"Content-Length: %d\r\n\r\n" % size)
        if header:
            assert connection.recv(25).startswith(b"HTTP/1.1 100")
        connection.sendall(b" " * size)
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_the_process_hears_itself_answer(port: int) -> None:
    assert pulse.is_answered(("127.0.0.1", port))


def test_the_parent_is_told_of_answers_until_it_asks_for_the_end(
    archive: Archive, edge_environment: EdgeEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "SECONDS", 0.0)
    ours, theirs = socket.socketpair()
    with ours, theirs, https.listen(edge_environment, 0) as listener:
        ours.settimeout(30)
        server = https.make_server(archive, Doorkeeper(None), 1, lambda: theirs.send(control.READY))
        serving = threading.Thread(
            target=lambda: asyncio.run(https._serve(server, listener, theirs))
        )
        serving.start()
        told = b""
        while control.READY not in told or control.ALIVE not in told:
            told += control.receive_messages(ours)
        ours.send(control.DRAIN)
        serving.join(30)
        assert not serving.is_alive()


def test_the_kernel_asks_whether_a_client_is_still_there(edge_environment: EdgeEnvironment) -> None:
    with https.listen(edge_environment, 0) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_without_a_certificate_the_port_is_open_to_health_checks(
    edge_environment: EdgeEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "_HOLD_SECONDS", 30)
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    monkeypatch.setattr(https, "listen", _signalling(listening := threading.Event()))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        held = threading.Thread(target=https.hold, args=(edge_environment, number, theirs))
        held.start()
        assert listening.wait(10)
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", number), timeout=10) as checking:
                assert checking.recv(1) == b""
        ours.send(control.DRAIN)
        held.join(10)
        assert not held.is_alive()


def _signalling(listening: threading.Event) -> Callable[[EdgeEnvironment, int], socket.socket]:
    listen = https.listen

    def listen_and_tell(environment: EdgeEnvironment, port: int) -> socket.socket:
        listener = listen(environment, port)
        listening.set()
        return listener

    return listen_and_tell
