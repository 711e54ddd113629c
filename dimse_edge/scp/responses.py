"""Responses of C-FIND, C-MOVE and C-GET, with the identifiers that belong to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dimse_edge.request import Request
from dimse_edge.responses import encode_response
from dimse_edge.scp.sub_operations import Progress
from dimse_edge.statuses import PENDING
from nephele.domain.character_set import encoding_named
from nephele.domain.query_answer import Answered, AnswerWriter
from nephele.domain.query_identifier import Keys, read_keys
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.services.overrides import followed

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

_FAILED_SOP_INSTANCE_UID_LIST = 0x00080058
_HELD_BACK_SECONDS = 0.02
_LONGEST_LIST = 0xFFFE
"""What the 16 bits of length of a UI element can tell: some thousand UIDs."""


def keys_of(association: EdgeAssociation, request: Request) -> Keys:
    """Read the identifier of a request.

    Raises
    ------
    BadRequest
        It cannot be parsed.
    """
    default_encoding = followed(association.site.archive).default_encoding
    return read_keys(request.data_set, request.transfer_syntax_uid, default_encoding)


def send_progress(association: EdgeAssociation, request: Request, progress: Progress) -> None:
    """Tell how far a retrieve has come."""
    association.dimse.send_commands(request.context_id, [_pending(request, progress)])


def _pending(request: Request, progress: Progress) -> bytes:
    return encode_response(request.command, PENDING, counts=progress.counts)


class Telling:
    """Tells how far a retrieve has come: one response for each step, several with one packet.

    Those of fast steps are held back for some milliseconds, so that neither side wakes up for
    each; `flush` has to come before any other response.
    """

    def __init__(self, association: EdgeAssociation, request: Request) -> None:
        self._association = association
        self._request = request
        self._waiting: list[bytes] = []
        self._sent_at = float("-inf")

    def tell(self, progress: Progress) -> None:
        """Tell how far it is."""
        self._waiting.append(_pending(self._request, progress))
        if time.monotonic() - self._sent_at >= _HELD_BACK_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Send what was held back."""
        if self._waiting:
            self._association.dimse.send_commands(self._request.context_id, self._waiting)
            self._waiting = []
        self._sent_at = time.monotonic()


def send_outcome(
    association: EdgeAssociation, request: Request, progress: Progress, status: int
) -> None:
    """Tell how a retrieve has ended; what failed is listed."""
    failed = progress.failed_uids
    encoded = encode_response(
        request.command,
        status,
        progress.comment,
        has_data_set=bool(failed),
        counts=progress.counts,
    )
    identifier = [_failed_list(request, failed)] if failed else None
    association.dimse.send(request.context_id, encoded, identifier)


def _failed_list(request: Request, failed: list[str]) -> bytes:
    writer = AnswerWriter(transfer_syntax(request.transfer_syntax_uid), encoding_named("Ascii"))
    text = "\\".join(failed)
    if len(text) > _LONGEST_LIST:
        text = text[:_LONGEST_LIST].rpartition("\\")[0]
    return writer.encode({_FAILED_SOP_INSTANCE_UID_LIST: Answered("UI", text)})
