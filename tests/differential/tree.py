"""A small archive both servers are given first: its files, and the ids its resources get."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1

from tests.differential.part10 import Value, pixels, secondary_capture, sequence, text

_ROOT = "1.2.826.0.1.3680043.2.1143.1"
_EXPECTED = 0x00181090
_REQUEST, _STEP_ID = 0x00400275, 0x00400009
_LARGE_ROWS, _LARGE_COLUMNS = 2000, 3000
_LONG = "long " * 60


@dataclass(frozen=True, slots=True)
class Node:
    """One instance of the tree, its place given by short names."""

    name: str
    patient: str
    study: int
    series: int
    number: int
    expected: str = ""
    is_large: bool = False
    step: str = ""

    @property
    def uids(self) -> tuple[str, str, str]:
        """Study, series and SOP instance UID."""
        study = f"{_ROOT}.{self.study}"
        series = f"{study}.{self.series}"
        instance = f"{series}.{sum(self.name.encode())}{self.number}"
        return study, series, instance

    def ids(self) -> dict[str, str]:
        """Return what requests may name: `{<name>_patient}` and so on."""
        named = zip(("patient", "study", "series", "instance"), self._lineage(), strict=True)
        return {f"{self.name}_{level}": _orthanc_id(identity) for level, identity in named}

    def _lineage(self) -> list[str]:
        parts = (self.patient, *self.uids)
        return ["|".join(parts[: length + 1]) for length in range(len(parts))]

    def encoded(self, description: str = "Thorax") -> bytes:
        """Return the file."""
        study, series, instance = self.uids
        return secondary_capture(self.patient, study, series, instance, self._extra(description))

    def _extra(self, description: str) -> dict[int, Value]:
        extra = {
            0x00080020: text("DA", "20200229"),
            0x00080050: text("SH", f"ACC{self.study}"),
            0x00080090: text("PN", ""),
            0x00081030: text("LO", description),
            0x0008103E: text("LO", f"Series {self.series}"),
            0x00100030: text("DA", "19700101"),
            0x00100040: text("CS", "O"),
            0x00200013: text("IS", str(self.number)),
            0x00204000: text("LT", _LONG),
        }
        if self.expected:
            extra[_EXPECTED] = text("IS", self.expected)
        if self.step:
            extra[_REQUEST] = sequence({_STEP_ID: text("SH", self.step)})
        if self.is_large:
            extra |= pixels(bytes(_LARGE_ROWS * _LARGE_COLUMNS), _LARGE_ROWS, _LARGE_COLUMNS)
        return extra


def _orthanc_id(identity: str) -> str:
    digest = sha1(identity.encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))


FIRST = (
    Node("a", "PAT-A", study=1, series=1, number=1),
    Node("a2", "PAT-A", study=1, series=1, number=2),
    Node("missing", "PAT-A", study=1, series=2, number=1, expected="3"),
    Node("doubled", "PAT-A", study=2, series=1, number=1, expected="2"),
    Node("doubled2", "PAT-A", study=2, series=1, number=1, expected="2"),
    Node("b", "PAT-B", study=1, series=1, number=1),
)
"""The uploads the change log is read after; `b` has the study and series UIDs of `a`."""

SECOND = (
    Node("full", "PAT-C", study=3, series=1, number=1, expected="2"),
    Node("full2", "PAT-C", study=3, series=1, number=2, expected="2"),
    Node("outside", "PAT-C", study=3, series=2, number=9, expected="2"),
)
"""A series that becomes complete, one whose index is outside its range."""

SENT = (
    Node("sent", "PAT-D", study=4, series=1, number=1),
    Node("sent2", "PAT-D", study=4, series=1, number=2),
    Node("sent3", "PAT-A", study=5, series=1, number=1),
    Node("large", "PAT-D", study=4, series=2, number=1, is_large=True),
)
"""What comes over DICOM instead of REST; `large` is more than one answer of Lambda can carry."""


def known_ids() -> dict[str, str]:
    """Return all ids requests may name, and some that no resource has."""
    ids = {"unknown": "-".join(["0" * 8] * 5), "malformed": "no-such-thing"}
    for node in (*FIRST, *SECOND, *SENT):
        ids |= node.ids()
    study, series, instance = FIRST[0].uids
    return ids | {"a_study_uid": study, "a_series_uid": series, "a_sop_uid": instance}
