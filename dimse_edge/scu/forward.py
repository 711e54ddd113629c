"""The job `AutoForward`: instances to a modality, again and again until all are there."""

from __future__ import annotations

from dimse_edge.scu.store import Sender
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import InexistentItem, NepheleError, NoPresentationContext
from nephele.services.archive import Archive
from nephele.services.forwarding import left_of, send_left
from nephele.services.jobs.patience import try_again
from nephele.services.jobs.slices import Slice
from nephele.services.modalities import require_modality


def run(archive: Archive, piece: Slice) -> bool:
    """Send what is left; the modality is looked up now: it may have been corrected meanwhile."""
    try:
        modality = require_modality(archive, piece.request["To"])
    except InexistentItem as error:
        return try_again(piece, error)
    with Sender(archive, modality, transcode=piece.request["Transcode"]) as sender:
        sender.expect(left_of(piece))

        def send(orthanc_id: OrthancId) -> None:
            sender.send(orthanc_id).require(modality.aet)

        return send_left(piece, send, _is_unreachable)


def _is_unreachable(error: NepheleError) -> bool:
    """Tell whether there was no answer of the peer's to this instance."""
    return error.payload is None and not isinstance(error, NoPresentationContext)
