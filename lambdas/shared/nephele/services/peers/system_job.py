"""The job `PeerSystem`: the edge asks a peer of the hospital's network for its `/system`."""

from __future__ import annotations

from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.peers.client import PeerClient
from nephele.services.peers.known import require_peer


def run(archive: Archive, piece: Slice) -> bool:
    """Relay the answer as the job's content."""
    with PeerClient(archive, require_peer(archive, piece.request["Peer"])) as client:
        piece.content = client.system()
    return True
