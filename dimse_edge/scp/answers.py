"""Answers of C-FIND, sent batch by batch; a C-CANCEL ends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dimse_edge.request import Request
from dimse_edge.responses import encode_response
from dimse_edge.statuses import CANCEL, PENDING, SUCCESS
from nephele.domain.attributes import SPECIFIC_CHARACTER_SET
from nephele.domain.character_set import encoding_named
from nephele.domain.query_answer import Answer, Answered, AnswerWriter
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.services.overrides import followed

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation


def send_answers(
    association: EdgeAssociation,
    request: Request,
    batches: Iterable[list[Answer]],
    always: Answer,
    final: int = SUCCESS,
) -> int:
    """Send answers until there are no more or the peer cancels; return how many.

    Parameters
    ----------
    always : mapping
        Elements of each answer, the character set aside.
    final : int
        Status of the last response, unless the peer cancels.
    """
    default_encoding = followed(association.site.archive).default_encoding
    encoding = encoding_named(default_encoding)
    writer = AnswerWriter(transfer_syntax(request.transfer_syntax_uid), encoding)
    common = {SPECIFIC_CHARACTER_SET: Answered("CS", encoding.defined_term), **always}
    pending = encode_response(request.command, PENDING, has_data_set=True)
    count, status = 0, final
    for batch in batches:
        if association.is_stopped(request):
            status = CANCEL
            break
        encoded = [writer.encode({**answer, **common}) for answer in batch]
        association.dimse.send_many(request.context_id, pending, encoded)
        count += len(encoded)
    if association.is_stopped(request):
        status = CANCEL
    association.dimse.respond(request, status)
    return count
