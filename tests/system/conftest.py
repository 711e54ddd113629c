"""Other archives to talk to: two scratch Orthancs that everybody shares."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import httpx
import pytest

from tests.differential.orthanc import EXECUTABLE, scratch_orthanc
from tests.differential.server import Server, open_client
from tests.stack import Stack

_STABLE_AGE_SECONDS = 60
_OPEN = {
    "DicomAlwaysAllowFind": True,
    "DicomAlwaysAllowGet": True,
    "DicomAlwaysAllowMove": True,
    "TranscodeDicomProtocol": True,
}
_UNCOMPRESSED = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]


class Peer:
    """A scratch Orthanc, and a client of it."""

    def __init__(self, server: Server, rest: httpx.Client) -> None:
        self.server = server
        self.rest = rest

    @property
    def modality(self) -> list[object]:
        """Return it in the short form of a modality."""
        return [self.server.aet, "127.0.0.1", self.server.dicom_port]

    def knows(self, name: str, modality: list[object]) -> None:
        self.rest.put(f"/modalities/{name}", json=modality).raise_for_status()

    def instances(self, study_instance_uid: str) -> list[str]:
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_instance_uid}}
        found: list[str] = self.rest.post("/tools/find", json=query).raise_for_status().json()
        return found


def run_peer(
    tmp_path_factory: pytest.TempPathFactory, aet: str, **options: object
) -> Iterator[Peer]:
    """Run an Orthanc under options of its own."""
    if shutil.which(EXECUTABLE) is None:
        if "CI" in os.environ:
            pytest.fail("Orthanc is not installed (make system-packages)")
        pytest.skip("Orthanc is not installed (make system-packages)")
    folder = tmp_path_factory.mktemp(aet.lower())
    more = {**_OPEN, "DicomAet": aet, **options}
    with (
        scratch_orthanc(folder, _STABLE_AGE_SECONDS, more) as server,
        open_client(server) as rest,
    ):
        yield Peer(server, rest)


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Run an Orthanc that takes everything."""
    yield from run_peer(tmp_path_factory, "PEER")


@pytest.fixture(scope="session")
def plain_peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Run an Orthanc that takes uncompressed instances only."""
    yield from run_peer(tmp_path_factory, "PLAIN", AcceptedTransferSyntaxes=_UNCOMPRESSED)


@pytest.fixture(scope="session")
def acquainted(stack: Stack, peer: Peer, plain_peer: Peer) -> Stack:
    """Let all three know each other; return the stack."""
    host, port = stack.dicom_address
    for one in (peer, plain_peer):
        one.knows("nephele", ["ORTHANC", host, port])
        one.knows("peer", peer.modality)
        one.knows("plain", plain_peer.modality)
    with stack.rest() as rest:
        rest.put("/modalities/peer", json=peer.modality).raise_for_status()
        rest.put("/modalities/plain", json=plain_peer.modality).raise_for_status()
        rest.put("/modalities/nephele", json=["ORTHANC", host, port]).raise_for_status()
    return stack
