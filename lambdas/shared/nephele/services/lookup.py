"""Finding resources by the identifiers DICOM gives them."""

from __future__ import annotations

from nephele.domain.attributes import IDENTIFIERS
from nephele.domain.levels import ORDER
from nephele.domain.resources import Resource
from nephele.services.archive import Archive
from nephele.services.hierarchy import resources_in_order


def lookup(archive: Archive, value: str) -> list[Resource]:
    """Return what a PatientID, or a study, series or SOP instance UID names, in that order."""
    found: list[Resource] = []
    for level in ORDER:
        ids = archive.index.lookup(IDENTIFIERS[level].tag, value)
        found += resources_in_order(archive, ids)
    return found
