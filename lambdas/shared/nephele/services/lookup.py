"""Finding resources by the identifiers DICOM gives them."""

from __future__ import annotations

from nephele.domain.attributes import IDENTIFIERS
from nephele.domain.levels import ORDER
from nephele.domain.resources import Resource
from nephele.services.archive import Archive
from nephele.services.hierarchy import resources_in_order

_ACCESSION_NUMBER = "0008,0050"
_TAGS = (*(IDENTIFIERS[level].tag for level in ORDER), _ACCESSION_NUMBER)
"""Those Orthanc looks at, in its order; then the one its Book promises."""


def lookup(archive: Archive, value: str) -> list[Resource]:
    """Return what is named by a PatientID, a study, series or SOP instance UID, an accession.

    An empty value names nothing, though there may be a patient without PatientID.
    """
    if not value.strip():
        return []
    ids = [orthanc_id for tag in _TAGS for orthanc_id in archive.index.lookup(tag, value)]
    return resources_in_order(archive, dict.fromkeys(ids))
