"""An archive that knows a peer of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.services.peers import sender
from nephele.settings.configuration import parse_configuration
from tests.unit.conftest import dicom_file
from tests.unit.rest.conftest import Client

from .servers import PeerServer, peer_server

CONFIGURATION = '{"PeersAllowedAddresses": ["127.0.0.0/8"], "LogExportedResources": true}'


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again without pauses."""
    monkeypatch.setattr(sender, "PAUSES_SECONDS", (0.0, 0.0, 0.0))


@pytest.fixture
def peer() -> Iterator[PeerServer]:
    with peer_server() as running:
        yield running


@pytest.fixture
def library(archive: Archive) -> Archive:
    return replace(archive, configuration=parse_configuration(CONFIGURATION))


@pytest.fixture
def client(library: Archive, peer: PeerServer) -> Client:
    connected = Client(create_app(lambda: library))
    answer = connected.request("PUT", "/peers/other", json=[peer.url])
    assert (answer.status_code, answer.content) == (200, b"")
    return connected


def upload(client: Client, count: int = 1) -> list[str]:
    """Store instances of one series; return their ids, ascending."""
    answers = [
        client.post("/instances", content=dicom_file(SOPInstanceUID=f"1.2.3.{number}"))
        for number in range(1, count + 1)
    ]
    return sorted(answer.json()["ID"] for answer in answers)
