"""The job `AutoForwardToPeer`: instances to a peer, again and again until all are there."""

from __future__ import annotations

from nephele.domain.orthanc_id import OrthancId
from nephele.errors import NepheleError, UnknownResource
from nephele.services.archive import Archive
from nephele.services.forwarding import send_left
from nephele.services.jobs.patience import try_again
from nephele.services.jobs.slices import Slice
from nephele.services.peers.client import PeerClient
from nephele.services.peers.connections import Transient
from nephele.services.peers.known import require_peer
from nephele.services.peers.uploads import Form, opened_upload


def run(archive: Archive, piece: Slice) -> bool:
    """Send what is left; the peer is looked up now: it may have been corrected meanwhile."""
    try:
        peer = require_peer(archive, piece.request["To"])
    except UnknownResource as error:
        return try_again(piece, error)
    form = Form(piece.request["Transcode"])
    with PeerClient(archive, peer) as client:

        def send(orthanc_id: OrthancId) -> None:
            instance = archive.index.resource(orthanc_id)
            if instance is None:
                raise UnknownResource("It was deleted meanwhile")
            with opened_upload(archive, instance, form) as upload:
                client.store(upload)

        return send_left(piece, send, _is_unreachable)


def _is_unreachable(error: NepheleError) -> bool:
    return isinstance(error, Transient)
