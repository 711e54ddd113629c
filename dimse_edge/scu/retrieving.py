"""What C-MOVE and C-GET jobs have in common: several retrievals, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dimse_edge.command import Command, Tag
from dimse_edge.scu.calls import SUCCESS
from nephele.domain.query_keys import Query
from nephele.errors import NetworkProtocol
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.received import detail
from nephele.services.jobs.slices import Slice

_SAVED_EVERY_SECONDS = 1.0


@dataclass(slots=True)
class Retrieved:
    """How one retrieval ended.

    Attributes
    ----------
    received : list of str
        Orthanc ids of what has come here.
    """

    status: int
    comment: str = ""
    received: list[str] = field(default_factory=list)


Progress = Callable[[Command], None]
Retrieve = Callable[[Query, Progress], Retrieved]


def retrieve_all(archive: Archive, piece: Slice, service: str, retrieve: Retrieve) -> bool:
    """Do the retrievals that are left; the first failure ends a job that is not permissive.

    A retrieval that was interrupted is done again: what has come already is known.
    """
    queries: list[Query] = piece.request["Queries"]
    position, content = piece.position, piece.content
    position.setdefault("Done", 0)
    content.setdefault("Details", [])
    while position["Done"] < len(queries):
        if not piece.has_time():
            return False
        query = queries[position["Done"]]
        retrieved = retrieve(query, _Reporter(piece, len(queries)).report)
        fields = {"DimseErrorStatus": retrieved.status, "Query": query}
        details = content["Details"]
        details.append(detail(archive, piece.job.identifier, details, fields, retrieved.received))
        position["Done"] += 1
        _judge(piece, service, retrieved)
        piece.checkpoint(position["Done"] / len(queries))
    return True


def _judge(piece: Slice, service: str, retrieved: Retrieved) -> None:
    if retrieved.status == SUCCESS:
        return
    comment = f" ({retrieved.comment})" if retrieved.comment else ""
    message = f"{service} fails with status 0x{retrieved.status:04x}{comment}"
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
        if time.monotonic() - self._saved_at < _SAVED_EVERY_SECONDS:
            return
        self._saved_at = time.monotonic()
        remaining = response.number(Tag.REMAINING)
        done = sum(response.number(tag) for tag in (Tag.COMPLETED, Tag.FAILED, Tag.WARNING))
        share = done / max(done + remaining, 1)
        self._piece.checkpoint((self._piece.position["Done"] + share) / self._queries)
