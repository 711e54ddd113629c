"""What C-MOVE and C-GET jobs have in common: several retrievals, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dimse_edge.command import Command, Tag
from dimse_edge.scu.calls import SUCCESS
from dimse_edge.scu.retrieved import Retrieved
from dimse_edge.scu.statuses import failing
from nephele.domain.jobs import Document
from nephele.domain.levels import Level
from nephele.domain.query_keys import Query
from nephele.errors import NetworkProtocol
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.received import detail
from nephele.services.jobs.slices import Slice

_SAVED_EVERY_SECONDS = 1.0
_MOST_FAILED_UIDS = 500
"""Instances that failed which one job names; its row holds 400 KB."""
_FAILED_UIDS = "FailedSOPInstanceUIDList"
EXPECTED = "Expected"
"""In a job's position: sub-operations of the retrieval under way, as the peer counts them."""


Progress = Callable[[Command], None]
Ask = Callable[[Level, Query, Progress], Retrieved]
"""Does one retrieval, at a level."""


def retrieve_all(
    archive: Archive, piece: Slice, service: str, ask: Ask, go_on: Ask | None = None
) -> bool:
    """Do the retrievals that are left; the first failure ends a job that is not permissive.

    Parameters
    ----------
    go_on : callable, optional
        Does a retrieval that was interrupted, which is done again as a whole without it.
    """
    queries: list[Query] = piece.request["Queries"]
    level = Level(piece.request["Level"])
    position, content = piece.position, piece.content
    position.setdefault("Done", 0)
    content.setdefault("Details", [])
    while position["Done"] < len(queries):
        if not piece.has_time():
            return False
        query = queries[position["Done"]]
        progress = _Reporter(piece, len(queries)).report
        retrieved = _begin(piece, ask, go_on or ask)(level, query, progress)
        details = content["Details"]
        fields = {"DimseErrorStatus": retrieved.status, "Query": query, **retrieved.failure}
        fields |= _failed_instances(details, retrieved)
        details.append(detail(archive, piece.job.identifier, details, fields, retrieved.received))
        position["Done"] += 1
        _judge(piece, service, retrieved)
        piece.checkpoint(position["Done"] / len(queries))
    return True


def _begin(piece: Slice, ask: Ask, go_on: Ask) -> Ask:
    """Remember that a retrieval begins; return what does it: another worker may have begun it."""
    position = piece.position
    if position.get("Begun") == position["Done"]:
        return go_on
    position["Begun"] = position["Done"]
    position.pop(EXPECTED, None)
    piece.checkpoint()
    return ask


def _failed_instances(before: list[Document], retrieved: Retrieved) -> Document:
    """Name the instances that failed, as many as a job's row has room for."""
    room = _MOST_FAILED_UIDS - sum(len(one.get(_FAILED_UIDS, ())) for one in before)
    uids = [uid[:64] for uid in retrieved.failed_sop_instance_uids[: max(room, 0)]]
    return {_FAILED_UIDS: uids} if retrieved.status != SUCCESS and uids else {}


def _judge(piece: Slice, service: str, retrieved: Retrieved) -> None:
    if retrieved.status == SUCCESS:
        return
    counts = f"{retrieved.completed} completed, {retrieved.failed} failed"
    message = f"{failing(service, retrieved.status, retrieved.comment)}: {counts}"
    if piece.is_permissive:
        logger.warning("retrieval failed: passed over", extra={"reason": message})
        return
    payload: dict[str, Any] = {"Type": "RetrieveJob", "Content": piece.content["Details"]}
    raise NetworkProtocol(message, payload)


class _Reporter:
    """Tells now and then how far the sub-operations of a retrieval are."""

    def __init__(self, piece: Slice, queries: int) -> None:
        self._piece = piece
        self._queries = queries
        self._saved_at = time.monotonic()

    def report(self, response: Command) -> None:
        """Take notice of a pending response."""
        is_first = EXPECTED not in self._piece.position
        if not is_first and time.monotonic() - self._saved_at < _SAVED_EVERY_SECONDS:
            return
        self._saved_at = time.monotonic()
        everything = sub_operations(response)
        if is_first:
            self._piece.position[EXPECTED] = everything
        share = (everything - response.number(Tag.REMAINING)) / max(everything, 1)
        self._piece.checkpoint((self._piece.position["Done"] + share) / self._queries)


def sub_operations(response: Command) -> int:
    """Return how many sub-operations a pending response tells of, whatever became of them."""
    tags = (Tag.COMPLETED, Tag.FAILED, Tag.WARNING, Tag.REMAINING)
    return sum(response.number(tag) for tag in tags)
