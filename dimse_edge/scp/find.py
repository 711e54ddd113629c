"""C-FIND on patients, studies, series and instances. See PS3.4 C.4.1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dimse_edge.request import Request
from dimse_edge.scp import worklist
from dimse_edge.scp.answers import send_answers
from dimse_edge.scp.responses import keys_of
from nephele.aws.index.meter import Meter
from nephele.domain.query_answer import Answer, Answered
from nephele.domain.query_identifier import QUERY_RETRIEVE_LEVEL, Keys
from nephele.domain.sop_classes import MODALITY_WORKLIST_FIND
from nephele.logs import logger
from nephele.services.metering import metered
from nephele.services.overrides import followed
from nephele.services.query import RETRIEVE_AE_TITLE, iter_matches, parse_query
from nephele.services.query_answers import iter_answers
from nephele.settings.limits import EDGE_FIND_READ_UNITS, EDGE_FIND_SECONDS

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

_VITREA = "Vitrea"
_IGNORED_BY_VITREA = 0x56530010


def serve(association: EdgeAssociation, request: Request) -> None:
    """Answer with everything that is found, in the context's information model."""
    if request.abstract_syntax == MODALITY_WORKLIST_FIND:
        worklist.serve(association, request)
    else:
        _serve_query(association, request)


def _serve_query(association: EdgeAssociation, request: Request) -> None:
    archive = association.site.archive
    configuration = followed(archive)
    keys = _patched(association, keys_of(association, request))
    query = parse_query(keys, configuration)
    always = {
        QUERY_RETRIEVE_LEVEL: Answered("CS", keys[QUERY_RETRIEVE_LEVEL].text),
        RETRIEVE_AE_TITLE: Answered("AE", configuration.dicom_aet),
    }
    with metered(archive, EDGE_FIND_READ_UNITS, EDGE_FIND_SECONDS) as (counted, meter):
        batches = iter_answers(counted, query, iter_matches(counted, query))
        count = send_answers(association, request, _taken(batches, meter), always)
    facts = {"level": query.level, "answers": count, "read_units": meter.units}
    logger.info("query answered", extra={**association.facts, **facts})


def _taken(batches: Iterator[list[Answer]], meter: Meter) -> Iterator[list[Answer]]:
    """Yield batches, and let the time it takes to send them not count as that of the search."""
    for batch in batches:
        with meter.at_rest():
            yield batch


def _patched(association: EdgeAssociation, keys: Keys) -> Keys:
    """Leave out what a manufacturer's queries are known to hold by mistake."""
    if _IGNORED_BY_VITREA not in keys:
        return keys
    known = association.rules().find_modality(association.peer.aet)
    if known is None or known[1].manufacturer != _VITREA:
        return keys
    return {tag: key for tag, key in keys.items() if tag != _IGNORED_BY_VITREA}
