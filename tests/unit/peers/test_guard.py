"""Addresses a peer may have, and those it may not."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from nephele.errors import NetworkProtocol
from nephele.services.archive import Archive
from nephele.services.peers.client import PeerClient, Upload
from nephele.services.peers.guard import is_refused, resolve
from nephele.settings.configuration import parse_configuration
from nephele.settings.peer import Peer
from tests.unit.conftest import dicom_file

from .servers import PeerServer


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.9",
        "::1",
        "0.0.0.0",  # noqa: S104
        "::",
        "169.254.169.254",
        "169.254.170.2",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "::ffff:169.254.169.254",
        "::ffff:127.0.0.1",
        "2002:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_refused(address: str) -> None:
    assert is_refused(address)


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.0.7", "172.16.0.1", "93.184.216.34", "fd12:3456::1"]
)
def test_allowed(address: str) -> None:
    assert not is_refused(address)


def test_an_option_allows_ranges() -> None:
    assert not is_refused("127.0.0.1", ["127.0.0.0/8"])
    assert not is_refused("::ffff:127.0.0.1", ["127.0.0.0/8"])
    assert is_refused("169.254.169.254", ["127.0.0.0/8", "::1"])


def answers(*addresses: str) -> Any:
    kind = socket.SOCK_STREAM
    return lambda *_, **__: [(socket.AF_INET, kind, 6, "", (one, 80)) for one in addresses]


@pytest.mark.parametrize(
    ("addresses", "chosen"),
    [
        (("169.254.169.254",), None),
        (("127.0.0.1", "10.0.0.1"), "10.0.0.1"),
        (("10.0.0.1", "169.254.169.254"), "10.0.0.1"),
    ],
    ids=["metadata alone", "own machine first", "metadata second"],
)
def test_names(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...], chosen: str | None
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers(*addresses))
    if chosen is None:
        with pytest.raises(NetworkProtocol, match="PeersAllowedAddresses"):
            resolve("peer", 80, [])
    else:
        assert resolve("peer", 80, []) == chosen


def test_odd_spellings_of_an_address_are_addresses() -> None:
    for host in ("2130706433", "0x7f.1", "127.1", "localhost"):
        with pytest.raises(NetworkProtocol):
            resolve(host, 80, [])


def test_the_connection_goes_to_the_address_that_was_checked(
    archive: Archive, peer: PeerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = socket.getaddrinfo, list[str]()

    def resolved(host: str, *rest: Any, **options: Any) -> Any:
        if host != "peer.example":
            return real(host, *rest, **options)
        asked.append(host)
        return answers("127.0.0.1" if len(asked) == 1 else "169.254.169.254")()

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    allowing = parse_configuration('{"PeersAllowedAddresses": ["127.0.0.0/8"]}')
    named = Peer(url=peer.url.replace("127.0.0.1", "peer.example"))
    body = dicom_file()
    with PeerClient(replace(archive, configuration=allowing), named) as client:
        assert client.store(Upload(body, len(body)))["Status"] == "Success"
    assert asked == ["peer.example"]
    assert peer.headers[0]["Host"] == urlsplit(named.url).netloc
