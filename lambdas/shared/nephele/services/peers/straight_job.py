"""The job `PeerStoreStraight`: the edge sends a file to a peer of the hospital's network."""

from __future__ import annotations

from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.peers.client import PeerClient, Upload
from nephele.services.peers.known import require_peer


def run(archive: Archive, piece: Slice) -> bool:
    """Relay the answer as the job's content; the file is there until that is kept."""
    key = piece.request["Key"]
    if "Sent" not in piece.position:
        body = archive.bucket.read(key)
        with PeerClient(archive, require_peer(archive, piece.request["Peer"])) as client:
            piece.content = client.store(Upload(body, len(body)))
        piece.position["Sent"] = True
        piece.checkpoint()
    archive.bucket.delete(key)
    return True
