"""C-FIND of modality worklists of others. See PS3.4 annex K."""

from __future__ import annotations

from dimse_edge.scu.calls import destination_of
from dimse_edge.scu.find import iter_found, keep_answer
from nephele.domain.dicom_json import TagFormat
from nephele.domain.sop_classes import MODALITY_WORKLIST_FIND
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.queries import answer_json


def run(archive: Archive, piece: Slice) -> bool:
    """Ask a modality for worklist items, and give them to who asked."""
    request = piece.request
    peer = destination_of(archive, request)
    tag_format = TagFormat(request["Format"])
    found = iter_found(archive, peer, MODALITY_WORKLIST_FIND, request["Query"])
    keep_answer(archive, piece, [answer_json(archive, one, None, tag_format) for one in found])
    return True
