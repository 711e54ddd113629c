"""The refused associations: the last thousand of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.table import Row, Table
from nephele.domain.refusals import Outcome, ProposedContext, Refusal

KEPT = 1000
"""So many are shown, the newest; older ones expire."""
_KEPT_SECONDS = 30 * 86_400


def put_refusal(table: Table, refusal: Refusal) -> None:
    """Keep a refusal."""
    contexts = [
        [item.abstract_syntax, list(item.transfer_syntaxes), item.is_class_accepted]
        for item in refusal.refused_contexts
    ]
    table.put(
        {
            **keys.refusal(refusal.date, clock.new_uuid()),
            "o": codec.text(refusal.outcome),
            "a": codec.document([refusal.calling_aet, refusal.called_aet, refusal.remote_ip]),
            "f": codec.document(list(refusal.reasons)),
            "c": codec.document(contexts),
            "expires": codec.number(clock.expiry(_KEPT_SECONDS)),
        }
    )


def iter_refusals(table: Table, limit: int = 0) -> Iterator[Refusal]:
    """Yield refusals, the newest first; a limit of 0 is all that are kept."""
    most = min(limit or KEPT, KEPT)
    rows = table.iter_query(keys.REFUSALS, descending=True, limit=most)
    return (_read(row) for row in islice(rows, most))


def _read(row: Row) -> Refusal:
    calling_aet, called_aet, remote_ip = codec.read_document(row, "a")
    return Refusal(
        date=row["sk"]["S"].partition("#")[0],
        outcome=Outcome(row["o"]["S"]),
        calling_aet=calling_aet,
        called_aet=called_aet,
        remote_ip=remote_ip,
        reasons=tuple(codec.read_document(row, "f")),
        refused_contexts=tuple(
            ProposedContext(uid, tuple(syntaxes), is_class_accepted)
            for uid, syntaxes, is_class_accepted in codec.read_document(row, "c")
        ),
    )
