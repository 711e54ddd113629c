"""Peers and proxies that speak HTTP oddly, and configured headers that would make us do so."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from nephele.errors import NetworkProtocol
from nephele.services.archive import Archive
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from nephele.services.jobs.submit import wait_for
from nephele.services.peers.client import PeerClient, Upload, confirmed
from nephele.services.peers.connections import Transient
from nephele.settings.configuration import parse_configuration
from nephele.settings.peer import Peer
from tests.unit.conftest import messages
from tests.unit.rest.conftest import Client

from .conftest import CONFIGURATION, upload
from .servers import Handler, PeerServer
from .test_store import deaf, hang_up

_UPLOAD = Upload(b"0123456789", 10)


def test_an_interim_answer_is_not_taken_for_the_answer(library: Archive, peer: PeerServer) -> None:
    """What follows it would be read as the answer to the next instance."""
    may_answer = threading.Event()

    def hint(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        handler.wfile.flush()
        may_answer.wait(30)
        handler.answer(200, {"ID": "first", "Status": "Success"})

    peer.behaviours = [hint, lambda handler: handler.answer(500, {"Status": "Failure"})]
    with PeerClient(library, Peer(url=peer.url)) as client:
        first = client.begin_store(_UPLOAD)
        with pytest.raises(Transient, match="speaks no HTTP"):
            confirmed(first)
        second = client.begin_store(_UPLOAD)
        may_answer.set()
        with pytest.raises(NetworkProtocol, match="HTTP 500"):
            confirmed(second)


@pytest.fixture
def gibberish() -> Iterator[str]:
    """Yield the address of a server that answers with no HTTP."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(1000)
                connection.sendall(b"gibberish gibberish\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_a_proxy_that_speaks_no_http(library: Archive, gibberish: str) -> None:
    options = json.loads(CONFIGURATION) | {"HttpProxy": gibberish}
    behind = replace(library, configuration=parse_configuration(json.dumps(options)))
    with (
        PeerClient(behind, Peer(url="https://127.0.0.1:444/")) as client,
        pytest.raises(Transient, match="cannot be reached: the proxy speaks no HTTP"),
    ):
        client.system()


def test_a_server_that_speaks_no_tls(library: Archive, gibberish: str) -> None:
    with (
        PeerClient(library, Peer(url=f"https://{gibberish}/")) as client,
        pytest.raises(Transient, match="does not speak TLS as asked"),
    ):
        client.system()


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("content-type", "application/dicom"),
        ("content-length", "10"),
        ("Transfer-encoding", None),
        ("user-agent", "7"),
        ("host", "7"),
    ],
)
def test_a_header_is_sent_once(
    library: Archive, peer: PeerServer, name: str, sent: str | None
) -> None:
    told: list[str] = []

    def answer(handler: Handler) -> None:
        told.extend(handler.headers.get_all(name, []))
        handler.answer(200, {"ID": "x", "Status": "Success"})

    peer.behaviours = [answer]
    with PeerClient(library, Peer(url=peer.url, http_headers={name: "7"})) as client:
        client.store(_UPLOAD)
    assert told == ([] if sent is None else [sent])


def test_a_header_of_two_lines_is_no_passing_failure(library: Archive, peer: PeerServer) -> None:
    described = Peer(url=peer.url, http_headers={"X": "a\r\nB: c"})
    with PeerClient(library, described) as client:
        with pytest.raises(NetworkProtocol, match="HttpHeaders") as failure:
            client.store(_UPLOAD)
        assert not isinstance(failure.value, Transient)
    assert peer.headers == []


def test_eight_requests_are_under_way_together(
    client: Client, peer: PeerServer, library: Archive
) -> None:
    """A peer that says nothing costs its time once, not once for each of them."""
    client.request("PUT", "/peers/other", json={"Url": peer.url, "Timeout": 20})
    together = threading.Barrier(8, timeout=30)
    peer.before_storing = lambda _: None if together.broken else _meet(together)
    ids = upload(client, 8)
    sent = {"Resources": ids, "Asynchronous": True}
    job = client.post("/peers/other/store", json=sent).json()["ID"]
    (message,) = messages(library, "jobs")
    run_message(library, message, load_kind, lambda: True)
    assert wait_for(library, job).content["FailedInstancesCount"] == 0
    assert (sorted(peer.stored), together.broken) == (ids, False)


def _meet(together: threading.Barrier) -> None:
    together.wait()


def test_the_time_of_an_answer_counts_from_its_request(library: Archive, peer: PeerServer) -> None:
    peer.behaviours = [deaf] * 8
    with PeerClient(library, Peer(url=peer.url, timeout=1)) as client:
        began = time.monotonic()
        for one in [client.begin_store(_UPLOAD) for _ in range(8)]:
            with pytest.raises(NetworkProtocol, match="does not answer in time"):
                one.read()
    assert time.monotonic() - began < 8, "not a second for each"


def test_nobody_else_is_sent_while_one_that_failed_waits(
    client: Client, peer: PeerServer, library: Archive
) -> None:
    """Each would cost the time of a connection that does not come about."""
    client.request("PUT", "/peers/other", json=["http://127.0.0.1:9/"])
    ids = upload(client, 12)
    sent = {"Resources": ids, "Asynchronous": True, "Permissive": True}
    job = client.post("/peers/other/store", json=sent).json()["ID"]
    (message,) = messages(library, "jobs")
    asked = iter([True] * 6)
    run_message(library, message, load_kind, lambda: next(asked, False))
    content = client.get(f"/jobs/{job}").json()["Content"]
    assert 1 <= content["FailedInstancesCount"] < 12, "the rest is left to the next slice"


def test_a_peer_that_hangs_up_on_each_is_no_success(client: Client, peer: PeerServer) -> None:
    ids = upload(client, 3)
    peer.behaviours = [hang_up] * 40
    answer = client.post("/peers/other/store", json={"Resources": ids, "Permissive": True})
    assert answer.json()["FailedInstancesCount"] == 3
    assert peer.stored == []
