"""The count of a retrieve's sub-operations, and what its last response says of them.

See PS3.4 C.4.2.1 and C.4.3.1: a failure does not end the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dimse_edge.responses import SubOperations
from dimse_edge.statuses import CANCEL, SUB_OPERATIONS_FAILED, SUCCESS, WARNING, is_warning
from nephele.errors import BeingRestored, NepheleError

_BEING_RESTORED = "archive class: restore has begun, ask again in some hours"
"""An Error Comment (0000,0902) has at most 64 characters."""
_MOST_FAILED = 10_000
"""UIDs kept at most; a response cannot list as many."""


@dataclass(slots=True)
class Progress:
    """How far a retrieve has come."""

    remaining: int
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(default_factory=list)
    comment: str = ""
    """What the last response says besides its status."""

    def explain(self, error: NepheleError) -> None:
        """Let the last response tell why, where that helps whoever asks."""
        if isinstance(error, BeingRestored):
            self.comment = _BEING_RESTORED

    def add(self, sop_instance_uid: str, status: int) -> None:
        """Count one sub-operation by the status of its C-STORE."""
        self.remaining -= 1
        if status == SUCCESS:
            self.completed += 1
        elif is_warning(status):
            self.warning += 1
        else:
            self.fail(sop_instance_uid)

    def fail(self, sop_instance_uid: str) -> None:
        """List one that failed, which is not among those that remain any more."""
        self.failed += 1
        if sop_instance_uid and len(self.failed_uids) < _MOST_FAILED:
            self.failed_uids.append(sop_instance_uid)

    @property
    def counts(self) -> SubOperations:
        """Return the counts as a response has them."""
        return SubOperations(self.remaining, self.completed, self.failed, self.warning)

    def final_status(self, *, is_cancelled: bool) -> int:
        """Return the status of the last response."""
        if is_cancelled and self.remaining:
            return CANCEL
        if not self.failed and not self.warning:
            return SUCCESS
        return WARNING if self.completed or self.warning else SUB_OPERATIONS_FAILED
