"""Associations that were refused or aborted: kept for who has to make them work."""

from __future__ import annotations

from nephele.aws.index.refusals import iter_refusals, put_refusal
from nephele.domain.refusals import Refusal
from nephele.services.archive import Archive


def keep_refusal(archive: Archive, refusal: Refusal) -> None:
    """Keep a refusal; the last thousand are shown."""
    put_refusal(archive.index.table, refusal)


def refusals(archive: Archive, limit: int) -> list[Refusal]:
    """Return the last refusals, the newest first; a limit of 0 is all that are kept."""
    return list(iter_refusals(archive.index.table, limit))
