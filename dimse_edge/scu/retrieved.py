"""How retrievals end: counts, what has come, and what failed. See PS3.7 9.3.3.2 and 9.3.4.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dimse_edge.command import FAILED_SOP_INSTANCE_UID_LIST, Tag, split_uids
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import SUCCESS
from dimse_edge.scu.incoming import Message
from nephele.domain.elements import read_elements
from nephele.domain.jobs import Document
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.errors import NepheleError
from nephele.logs import logger


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
        """Read the last response to a C-MOVE or C-GET."""
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


def together(parts: Sequence[Retrieved]) -> Retrieved:
    """Return how several retrievals ended that share no instance: the first failure is told."""
    told = next((one for one in parts if one.status != SUCCESS), parts[0])
    return Retrieved(
        told.status,
        told.comment,
        [orthanc_id for one in parts for orthanc_id in one.received],
        sum(one.completed for one in parts),
        sum(one.failed for one in parts),
        sum(one.warning for one in parts),
        [uid for one in parts for uid in one.failed_sop_instance_uids],
    )


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
