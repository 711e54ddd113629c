"""Receptions kept aside."""

from __future__ import annotations

from nephele.aws.index import records
from nephele.domain.resources import AsideVersion
from nephele.services.archive import Archive


def list_aside(archive: Archive) -> list[AsideVersion]:
    """Return receptions whose SOP Instance UID stands in the archive with other content."""
    return records.list_aside(archive.index.table)
