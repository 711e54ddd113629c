"""C-STORE of a file that is not in the archive, as it is."""

from __future__ import annotations

from collections.abc import Iterator

from dimse_edge.scu.calls import modality_of
from dimse_edge.scu.offers import Kind
from dimse_edge.scu.store import Sender
from nephele.aws.read_ahead import ReadAhead
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice

_PIECE_BYTES = 1 << 20


def run(archive: Archive, piece: Slice) -> bool:
    """Send a file that a client has left in the bucket; it is there until that is known."""
    if "Sent" not in piece.position:
        _send(archive, piece)
        piece.position["Sent"] = True
        piece.checkpoint()
    archive.bucket.delete(piece.request["Key"])
    return True


def _send(archive: Archive, piece: Slice) -> None:
    request = piece.request
    modality = modality_of(request)
    kind = Kind(request["SOPClassUID"], request["TransferSyntaxUID"])
    pieces = _iter_data_set(archive, request["Key"], request["Offset"])
    with Sender(archive, modality, timeout=request.get("Timeout")) as sender:
        outcome = sender.send_data_set(kind, request["SOPInstanceUID"], pieces)
        outcome.require(modality.aet)


def _iter_data_set(archive: Archive, key: str, offset: int) -> Iterator[bytes]:
    with ReadAhead(archive.bucket, key, archive.bucket.head(key).size_bytes) as opened:
        opened.seek(offset)
        while data := opened.read(_PIECE_BYTES):
            yield data
