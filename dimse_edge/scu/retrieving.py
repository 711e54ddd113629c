"""What C-MOVE and C-GET jobs have in common: several retrievals, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dimse_edge.command import FAILED_SOP_INSTANCE_UID_LIST, Command, Tag, split_uids
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import SUCCESS
from dimse_edge.scu.incoming import Message
from dimse_edge.scu.statuses import failing
from nephele.domain.elements import read_elements
from nephele.domain.jobs import Document
from nephele.domain.query_keys import Query
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.errors import NepheleError, NetworkProtocol
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.received import detail
from nephele.services.jobs.slices import Slice

_SAVED_EVERY_SECONDS = 1.0
_MOST_FAILED_UIDS = 500
"""Instances that failed which one job names; its row holds 400 KB."""
_FAILED_UIDS = "FailedSOPInstanceUIDList"


@dataclass(slots=True)
class Retrieved:
    """How one retrieval ended.

    Attributes
    ----------
    received : list of str
        Orthanc ids of what has come here.
    completed, failed, warning : int
        Sub-operations, as the peer counts them.
    failed_sop_instance_uids : list of str
        What the peer could not send, as far as it says so.
    """

    status: int
    comment: str = ""
    received: list[str] = field(default_factory=list)
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_sop_instance_uids: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, association: Association, message: Message, received: list[str]) -> Retrieved:
        """Read the last response to a C-MOVE or C-GET. See PS3.7 9.3.3.2 and 9.3.4.2."""
        command = message.command
        return cls(
            command.status,
            command.comment,
            received,
            command.number(Tag.COMPLETED),
            command.number(Tag.FAILED),
            command.number(Tag.WARNING),
            command.failed_sop_instance_uids or _failed_uids(association, message),
        )

    @property
    def total(self) -> int:
        """Return how many sub-operations there were."""
        return self.completed + self.failed + self.warning

    def completed_by(self, other: Retrieved) -> Retrieved:
        """Return how it ended altogether, once what failed was asked for in other classes.

        No instance is of a class of both. It is a success only if both counted as many: a peer
        may stop at the first failure.
        """
        failed = max(self.failed - other.completed - other.warning, 0)
        warning = self.warning + other.warning
        is_whole = not failed and not warning and self.total == other.total
        listed = set(other.failed_sop_instance_uids)
        return Retrieved(
            SUCCESS if is_whole else self.status,
            "" if is_whole else self.comment,
            [*self.received, *other.received],
            self.completed + other.completed,
            failed,
            warning,
            [uid for uid in self.failed_sop_instance_uids if uid in listed],
        )

    @property
    def failure(self) -> Document:
        """Return what a job's content tells of a retrieval that failed, else nothing."""
        if self.status == SUCCESS:
            return {}
        return {
            "ErrorComment": self.comment,
            "NumberOfCompletedSuboperations": self.completed,
            "NumberOfFailedSuboperations": self.failed,
            "NumberOfWarningSuboperations": self.warning,
        }


def _failed_uids(association: Association, message: Message) -> list[str]:
    """Return the Failed SOP Instance UID List of a response's data set."""
    if not message.data_set:
        return []
    syntax = transfer_syntax(association.contexts[message.context_id].transfer_syntaxes[0])
    try:
        element = read_elements(message.data_set, syntax).get(FAILED_SOP_INSTANCE_UID_LIST)
    except NepheleError as error:
        logger.warning("failed instances cannot be read", extra={"reason": str(error)})
        return []
    return split_uids(bytes(element.value)) if element is not None else []


Progress = Callable[[Command], None]
Retrieve = Callable[[Query, Progress], Retrieved]


def retrieve_all(archive: Archive, piece: Slice, service: str, retrieve: Retrieve) -> bool:
    """Do the retrievals that are left; the first failure ends a job that is not permissive.

    A retrieval that was interrupted is done again as a whole: which instances there are, the peer
    alone knows. What has come already is recognised as the same.
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
        details = content["Details"]
        fields = {"DimseErrorStatus": retrieved.status, "Query": query, **retrieved.failure}
        fields |= _failed_instances(details, retrieved)
        details.append(detail(archive, piece.job.identifier, details, fields, retrieved.received))
        position["Done"] += 1
        _judge(piece, service, retrieved)
        piece.checkpoint(position["Done"] / len(queries))
    return True


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
        if time.monotonic() - self._saved_at < _SAVED_EVERY_SECONDS:
            return
        self._saved_at = time.monotonic()
        remaining = response.number(Tag.REMAINING)
        done = sum(response.number(tag) for tag in (Tag.COMPLETED, Tag.FAILED, Tag.WARNING))
        share = done / max(done + remaining, 1)
        self._piece.checkpoint((self._piece.position["Done"] + share) / self._queries)
