"""C-FIND on modality worklists. See PS3.4 annex K."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dimse_edge.request import Request
from dimse_edge.scp.answers import send_answers
from dimse_edge.scp.responses import keys_of
from dimse_edge.statuses import CANCEL, SUCCESS
from nephele.batches import batched
from nephele.logs import logger
from nephele.services.overrides import followed
from nephele.services.worklists import iter_worklist_answers

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

_BATCH = 100


def serve(association: EdgeAssociation, request: Request) -> None:
    """Answer with the worklists that are asked for, as many as `LimitAnswers` allows."""
    archive = association.site.archive
    configuration = followed(archive)
    keys = keys_of(association, request)
    answers = list(iter_worklist_answers(archive, keys, association.peer.aet, configuration))
    limit = configuration.worklists.limit_answers or len(answers)
    status = SUCCESS if len(answers) <= limit else CANCEL
    count = send_answers(association, request, batched(answers[:limit], _BATCH), {}, status)
    logger.info("worklists answered", extra={**association.facts, "answers": count})
