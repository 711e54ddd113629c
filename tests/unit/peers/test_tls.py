"""Peers over HTTPS and through proxies: whom we trust, and what we show."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from infra.local.certificate import ensure_certificate
from nephele.aws import clients
from nephele.errors import ConfigurationError
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.services.peers.secrets import encode_peer_secrets, ssl_certificate
from nephele.settings.configuration import parse_configuration
from tests.edge.test_tls import certificates as own_certificates
from tests.unit.rest.conftest import Client

from .conftest import upload
from .servers import PeerServer, peer_server

certificates = own_certificates
"""`own` and `stranger`, each a certificate for itself: what we show to peers."""


@pytest.fixture(scope="module")
def server_side(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a certificate for 127.0.0.1, and what has to be trusted for it."""
    folder = tmp_path_factory.mktemp("server")
    ensure_certificate(folder)
    return folder


def context_of(server_side: Path, clients_known_by: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_side / "server.crt", server_side / "server.key")
    if clients_known_by is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_known_by)
    return context


def client_of(
    archive: Archive, name: str, folder: Path, peer: PeerServer, **options: Any
) -> Client:
    """Return a client of an archive whose configuration was deployed with its secrets.

    `members` are what the peer has besides its URL.
    """
    members = options.pop("members", {})
    described = {
        "OrthancPeers": {"other": {"Url": peer.url, **members}},
        "PeersAllowedAddresses": ["127.0.0.0/8"],
        **options,
    }
    whole = parse_configuration(json.dumps(described))
    text = encode_peer_secrets(whole, folder)
    arn = clients.secrets_manager().create_secret(Name=name, SecretString=text)["ARN"]
    public = parse_configuration(whole.public_json())
    deployed = replace(archive, configuration=public, peers_secret=arn)
    return Client(create_app(lambda: deployed))


def store(client: Client) -> Any:
    return client.post("/peers/other/store", json={"Resources": upload(client)}).json()


def trusting(server_side: Path) -> dict[str, Any]:
    return {"HttpsCACertificates": str(server_side / "trusted.pem")}


def test_an_authority_of_ones_own(archive: Archive, server_side: Path) -> None:
    with peer_server(context_of(server_side)) as peer:
        client = client_of(archive, "authority", server_side, peer, **trusting(server_side))
        assert store(client)["InstancesCount"] == 1
        assert len(peer.stored) == 1


def test_a_certificate_nobody_trusts(archive: Archive, server_side: Path) -> None:
    with peer_server(context_of(server_side)) as peer:
        failed = store(client_of(archive, "nobody", server_side, peer))
        assert failed["OrthancStatus"] == 9
        assert "CERTIFICATE_VERIFY_FAILED" in failed["Details"]
        assert peer.stored == []


def test_a_name_that_is_not_the_certificates(archive: Archive, server_side: Path) -> None:
    with peer_server(context_of(server_side)) as peer:
        elsewhere = replace(peer, url=peer.url.replace("127.0.0.1", "127.0.0.2"))
        failed = store(client_of(archive, "name", server_side, elsewhere, **trusting(server_side)))
        assert failed["OrthancStatus"] == 9
        assert peer.stored == []


def test_no_verification_where_it_is_not_wanted(archive: Archive, server_side: Path) -> None:
    with peer_server(context_of(server_side)) as peer:
        client = client_of(archive, "off", server_side, peer, HttpsVerifyPeers=False)
        assert store(client)["InstancesCount"] == 1


@pytest.mark.parametrize(
    ("shown", "is_let_in"),
    [("own", True), ("stranger", False), (None, False)],
    ids=["ours", "another one", "none"],
)
def test_a_peer_asks_for_our_certificate(
    archive: Archive, server_side: Path, certificates: Path, shown: str | None, is_let_in: bool
) -> None:
    members = {}
    if shown is not None:
        members = {
            "CertificateFile": str(certificates / f"{shown}.crt"),
            "CertificateKeyFile": str(certificates / f"{shown}.key"),
        }
    with peer_server(context_of(server_side, certificates / "own.crt")) as peer:
        options = {**trusting(server_side), "members": members}
        answer = store(client_of(archive, f"client-{shown}", server_side, peer, **options))
        assert ("InstancesCount" in answer) is is_let_in
        assert answer.get("OrthancStatus", 0) == (0 if is_let_in else 9)
        assert len(peer.stored) == is_let_in


@dataclass
class Proxy:
    """A proxy made by hand; `asked` are the first lines it got, `logins` what came with them."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextmanager
def running_proxy(peer: PeerServer) -> Iterator[Proxy]:
    """Run a proxy that leads to one peer, whoever is asked for."""
    proxy = Proxy()
    host, port = peer.url.rpartition("/")[0].rpartition("//")[2].split(":")

    class Passing(StreamRequestHandler):
        def handle(self) -> None:
            head = [self.rfile.readline()]
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                head.append(line)
            proxy.asked.append(head[0].decode().strip())
            proxy.logins += [
                line.decode().strip() for line in head if line.startswith(b"Proxy-Authorization")
            ]
            with socket.create_connection((host, int(port))) as target:
                if head[0].startswith(b"CONNECT"):
                    self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                else:
                    target.sendall(b"".join(head) + b"Connection: close\r\n\r\n")
                back = threading.Thread(target=pump, args=(target, self.connection))
                back.start()
                while block := self.rfile.read1(65536):
                    target.sendall(block)
                target.shutdown(socket.SHUT_WR)
                back.join()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while block := source.recv(65536):
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    server = ThreadingTCPServer(("127.0.0.1", 0), Passing)
    server.daemon_threads = True
    proxy.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_https_through_a_proxy_with_a_login(archive: Archive, server_side: Path) -> None:
    with peer_server(context_of(server_side)) as peer, running_proxy(peer) as proxy:
        options = {
            **trusting(server_side),
            "HttpProxy": f"http://me:hidden@127.0.0.1:{proxy.port}",
        }
        client = client_of(archive, "tunnel", server_side, peer, **options)
        assert store(client)["InstancesCount"] == 1
        assert len(peer.stored) == 1
    port = peer.url.rstrip("/").rpartition(":")[2]
    assert set(proxy.asked) == {f"CONNECT 127.0.0.1:{port} HTTP/1.1"}
    assert set(proxy.logins) == {"Proxy-Authorization: Basic bWU6aGlkZGVu"}
    assert all("Proxy-Authorization" not in headers for headers in peer.headers)


def test_http_through_a_proxy(archive: Archive, server_side: Path) -> None:
    with peer_server() as peer, running_proxy(peer) as proxy:
        options = {"HttpProxy": f"127.0.0.1:{proxy.port}"}
        client = client_of(archive, "plain", server_side, peer, **options)
        assert store(client)["InstancesCount"] == 1
    assert f"POST {peer.url}instances HTTP/1.1" in proxy.asked


def test_a_certificate_that_was_never_pushed_says_who_brings_it(archive: Archive) -> None:
    arn = clients.secrets_manager().create_secret(Name="born", SecretString="{}")["ARN"]
    configuration = parse_configuration('{"SslEnabled": true, "SslCertificate": "/none/own.pem"}')
    with pytest.raises(
        ConfigurationError, match=r"^SslCertificate: /none/own\.pem .* secrets push"
    ):
        ssl_certificate(replace(archive, configuration=configuration, peers_secret=arn))
    with pytest.raises(ConfigurationError, match=r"No such file or directory$"):
        ssl_certificate(replace(archive, configuration=configuration))
