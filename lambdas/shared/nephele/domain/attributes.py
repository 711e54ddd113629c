"""The main DICOM tags: what Orthanc keeps of every resource, at each level.

This is the one table of indexed attributes, with how they are matched and when they are returned.
An attribute may stand at more than one level (ImageOrientationPatient belongs to a series and to
each instance).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nephele.domain.levels import Level

PATIENT_ID = 0x00100020
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E
SOP_INSTANCE_UID = 0x00080018
SOP_CLASS_UID = 0x00080016
SPECIFIC_CHARACTER_SET = 0x00080005
PIXEL_DATA = 0x7FE00010


class Matching(StrEnum):
    """How the values of a VR are matched. See PS3.4 C.2.2.2."""

    SINGLE = "single value"
    UID_LIST = "list of UIDs"
    WILDCARD = "wildcard"
    RANGE = "range"
    SEQUENCE = "sequence"


_MATCHING = {
    **dict.fromkeys("AE CS LO LT PN SH ST UC UR UT".split(), Matching.WILDCARD),
    **dict.fromkeys("DA DT TM".split(), Matching.RANGE),
    "UI": Matching.UID_LIST,
    "SQ": Matching.SEQUENCE,
}


def matching_of(vr: str) -> Matching:
    """Return how values of a VR are matched."""
    return _MATCHING.get(vr, Matching.SINGLE)


class Key(StrEnum):
    """What an attribute is in a query at its level. See PS3.4 C.6.1.1 and C.6.2.1."""

    UNIQUE = "U"
    REQUIRED = "R"
    OPTIONAL = "O"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A main DICOM tag.

    Attributes
    ----------
    keyword : str
        PS3.6 keyword, which is also the name Orthanc shows.
    tag : str
        `"gggg,eeee"`, lower case hexadecimal.
    number : int
        The same tag as one number, `0xggggeeee`.
    vr : str
        Value representation by the dictionary.
    level : Level
        The level whose resources keep it.
    key : Key
        What it is in a query at this level.
    is_returned : bool
        A search returns it without being asked. See PS3.18 10.6.3.3.
    """

    keyword: str
    tag: str
    number: int
    vr: str
    level: Level
    key: Key = Key.OPTIONAL
    is_returned: bool = False

    @property
    def matching(self) -> Matching:
        """Return how its values are matched."""
        return matching_of(self.vr)


# Tag, VR and keyword; then the key if it is not optional, and `*` where it is returned unasked.
_TABLE = {
    Level.PATIENT: """
        0010,0010 PN PatientName R*
        0010,0020 LO PatientID U*
        0010,0030 DA PatientBirthDate O*
        0010,0040 CS PatientSex O*
        0010,1000 LO OtherPatientIDs""",
    Level.STUDY: """
        0008,0020 DA StudyDate R*
        0008,0030 TM StudyTime R*
        0008,0050 SH AccessionNumber R*
        0008,0080 LO InstitutionName
        0008,0090 PN ReferringPhysicianName O*
        0008,0201 SH TimezoneOffsetFromUTC O*
        0008,1030 LO StudyDescription
        0020,000d UI StudyInstanceUID U*
        0020,0010 SH StudyID R*
        0032,1032 PN RequestingPhysician
        0032,1060 LO RequestedProcedureDescription""",
    Level.SERIES: """
        0008,0021 DA SeriesDate
        0008,0031 TM SeriesTime
        0008,0060 CS Modality R*
        0008,0070 LO Manufacturer
        0008,0201 SH TimezoneOffsetFromUTC O*
        0008,1010 SH StationName
        0008,103e LO SeriesDescription O*
        0008,1070 PN OperatorsName
        0018,0010 LO ContrastBolusAgent
        0018,0015 CS BodyPartExamined
        0018,0024 SH SequenceName
        0018,1030 LO ProtocolName
        0018,1090 IS CardiacNumberOfImages
        0018,1400 LO AcquisitionDeviceProcessingDescription
        0020,000e UI SeriesInstanceUID U*
        0020,0011 IS SeriesNumber R*
        0020,0037 DS ImageOrientationPatient
        0020,0105 IS NumberOfTemporalPositions
        0020,1002 IS ImagesInAcquisition
        0040,0244 DA PerformedProcedureStepStartDate O*
        0040,0245 TM PerformedProcedureStepStartTime O*
        0040,0254 LO PerformedProcedureStepDescription
        0040,0275 SQ RequestAttributesSequence O*
        0054,0081 US NumberOfSlices
        0054,0101 US NumberOfTimeSlices
        0054,1000 CS SeriesType""",
    Level.INSTANCE: """
        0008,0012 DA InstanceCreationDate
        0008,0013 TM InstanceCreationTime
        0008,0018 UI SOPInstanceUID U*
        0020,0012 IS AcquisitionNumber
        0020,0013 IS InstanceNumber R*
        0020,0032 DS ImagePositionPatient
        0020,0037 DS ImageOrientationPatient
        0020,0100 IS TemporalPositionIdentifier
        0020,4000 LT ImageComments
        0028,0008 IS NumberOfFrames O*
        0054,1330 US ImageIndex""",
}


def number_of(tag: str) -> int:
    """Return the number of a `"gggg,eeee"` tag."""
    group, element = tag.split(",")
    return int(group, 16) << 16 | int(element, 16)


def tag_of(number: int) -> str:
    """Return the `"gggg,eeee"` form of a tag's number."""
    return f"{number >> 16:04x},{number & 0xFFFF:04x}"


def _iter_rows() -> list[Attribute]:
    rows = []
    for level, text in _TABLE.items():
        for line in text.split("\n")[1:]:
            tag, vr, keyword, mark = (*line.split(), "O")[:4]
            key, is_returned = Key(mark[0]), mark.endswith("*")
            number = number_of(tag)
            rows.append(Attribute(keyword, tag, number, vr, level, key, is_returned))
    return rows


MAIN_ATTRIBUTES: tuple[Attribute, ...] = tuple(_iter_rows())
"""Every main DICOM tag, by level and ascending tag."""

_BY_LEVEL: dict[Level, tuple[Attribute, ...]] = {
    level: tuple(attribute for attribute in MAIN_ATTRIBUTES if attribute.level is level)
    for level in Level
}
_BY_NAME: dict[str, Attribute] = {}
for _attribute in MAIN_ATTRIBUTES:
    _BY_NAME.setdefault(_attribute.tag, _attribute)
    _BY_NAME.setdefault(_attribute.keyword, _attribute)

IDENTIFIERS: dict[Level, Attribute] = {
    Level.PATIENT: _BY_NAME["PatientID"],
    Level.STUDY: _BY_NAME["StudyInstanceUID"],
    Level.SERIES: _BY_NAME["SeriesInstanceUID"],
    Level.INSTANCE: _BY_NAME["SOPInstanceUID"],
}
"""The attribute that names a resource within its parent."""


def main_attributes(level: Level) -> tuple[Attribute, ...]:
    """Return the main DICOM tags of a level, in ascending order of tag."""
    return _BY_LEVEL[level]


def main_attribute(name: str) -> Attribute | None:
    """Return the first main DICOM tag of a keyword or `"gggg,eeee"`, None if it is none."""
    return _BY_NAME.get(name)


def keyword_of(tag: str) -> str:
    """Return the keyword of a main DICOM tag; KeyError if it is none."""
    return _BY_NAME[tag].keyword
