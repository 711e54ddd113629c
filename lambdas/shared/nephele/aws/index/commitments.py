"""The rows of storage commitments that were asked of others: reports that are awaited, or came."""

from __future__ import annotations

from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.job_codec import pack, unpack
from nephele.aws.index.table import Table

_KEPT_SECONDS = 30 * 86_400


def put_commitment(table: Table, transaction_uid: str, document: dict[str, Any]) -> None:
    """Keep what is known of a transaction; the list is in the order of first coming."""
    expires = {"expires": codec.number(clock.expiry(_KEPT_SECONDS))}
    table.put({**keys.commitment(transaction_uid), **expires, "cp": pack(document)})


def list_commitment(table: Table, transaction_uid: str) -> None:
    """List a new transaction."""
    table.put(
        {
            **keys.listed_commitment(clock.now(), transaction_uid),
            "expires": codec.number(clock.expiry(_KEPT_SECONDS)),
        }
    )


def commitment(table: Table, transaction_uid: str) -> dict[str, Any] | None:
    """Return what is known of a transaction, None if nothing is."""
    row = table.get(keys.commitment(transaction_uid))
    if row is None:
        return None
    document: dict[str, Any] = unpack(row, "cp") or codec.read_document(row, "c")
    return document


def trim_commitments(table: Table, most: int) -> None:
    """Forget the oldest transactions where there are more than so many."""
    rows = [row["sk"]["S"] for row in table.iter_query(keys.COMMITMENTS)]
    gone = []
    for listed in rows[:-most]:
        gone.append(keys.key(keys.COMMITMENTS, listed))
        gone.append(keys.commitment(listed.partition("#")[2]))
    table.delete_all(gone)
