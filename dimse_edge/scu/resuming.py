"""Retrievals that were interrupted: what they have brought is not asked for again."""

from __future__ import annotations

from collections.abc import Iterator

from dimse_edge.scu.calls import SUCCESS, modality_of
from dimse_edge.scu.holdings import Held, held, iter_requests
from dimse_edge.scu.retrieved import Retrieved, together
from dimse_edge.scu.retrieving import EXPECTED, Ask, Progress
from nephele.batches import batched
from nephele.domain.case import fold_case
from nephele.domain.levels import Level
from nephele.domain.query_keys import SOP_INSTANCE_UID, STUDY_INSTANCE_UID, Query
from nephele.domain.resources import Resource
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.resolve import instances_beneath
from nephele.services.retrieve import file_of

_ROWS_AT_ONCE = 1000


def ask_for_rest(archive: Archive, piece: Slice, ask: Ask) -> Ask:
    """Return how to ask for what of a resource has not come here since the job was submitted.

    It asks for the whole where nothing has come, where the modality does not list as many instances
    as it was about to send, or where it has not tried all that was asked for by lists.
    """

    def go_on(level: Level, query: Query, progress: Progress) -> Retrieved:
        there = held(archive, piece.request, level, query)
        come = _come(archive, piece, there)
        missing = [one for one in there if one.sop_instance_uid not in come]
        facts = {"job": piece.job.identifier, "listed": len(there), "come": len(come)}
        logger.info("an interrupted retrieval goes on", extra=facts)
        if not come or len(there) != piece.position.get(EXPECTED):
            return ask(level, query, progress)
        parts = [Retrieved(SUCCESS, received=list(come.values()), completed=len(come))]
        for below, keys, count in iter_requests(there, missing):
            parts.append(ask(below, keys, progress))
            if parts[-1].total < count:
                logger.warning("lists of UIDs are not understood: all is asked for", extra=facts)
                return ask(level, query, progress)
        return together(parts)

    return go_on


def _come(archive: Archive, piece: Slice, there: list[Held]) -> dict[str, str]:
    """Return the Orthanc ids of what the modality has sent since, by SOP Instance UID."""
    aet = _folded(modality_of(piece.request).aet)
    wanted = {one.sop_instance_uid for one in there}
    come: dict[str, str] = {}
    for instance in _iter_instances(archive, there):
        provenance = file_of(instance).provenance
        own = instance.main_tags.get(SOP_INSTANCE_UID, "")
        uid = provenance.original_sop_instance_uid or own
        is_later = provenance.received >= piece.job.created
        if uid in wanted and is_later and _folded(provenance.remote_aet) == aet:
            come[uid] = str(instance.orthanc_id)
    return come


def _iter_instances(archive: Archive, there: list[Held]) -> Iterator[Resource]:
    """Yield what is here of the studies that instances belong to."""
    studies = dict.fromkeys(one.study_instance_uid for one in there)
    ids = [one for uid in studies for one in archive.index.lookup(STUDY_INSTANCE_UID, uid)]
    for some in batched(instances_beneath(archive, Level.STUDY, ids), _ROWS_AT_ONCE):
        yield from archive.index.resources(some).values()


def _folded(aet: str) -> str:
    return fold_case(aet.strip())
