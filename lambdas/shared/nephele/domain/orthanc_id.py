"""Orthanc's identifiers: SHA-1 over the identifying attributes of a resource."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import NewType

from nephele.domain.levels import ORDER, Level

OrthancId = NewType("OrthancId", str)

_SHAPE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")


def is_orthanc_id(text: str) -> bool:
    """Tell whether a text has the shape of an Orthanc identifier."""
    return _SHAPE.fullmatch(text) is not None


def orthanc_id(*identifiers: str) -> OrthancId:
    """Hash PatientID, StudyInstanceUID, … joined by `|`, in that order, as Orthanc does.

    Trailing blanks and padding of each are stripped, leading blanks kept; a missing PatientID is
    the empty string.
    """
    joined = "|".join(identifier.rstrip(" \0") for identifier in identifiers)
    digest = hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()
    return OrthancId("-".join(digest[start : start + 8] for start in range(0, 40, 8)))


@dataclass(frozen=True, slots=True)
class Identity:
    """What identifies an instance and, by it, its series, study and patient.

    Values are decoded to Unicode; trailing padding does not matter.
    """

    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str

    def orthanc_id(self, level: Level) -> OrthancId:
        """Return the Orthanc identifier of this instance's resource at a level."""
        values = (
            self.patient_id,
            self.study_instance_uid,
            self.series_instance_uid,
            self.sop_instance_uid,
        )
        return orthanc_id(*values[: ORDER.index(level) + 1])
