"""C-FIND: what is uploaded for it, and what both servers are asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from tests.differential.part10 import Value, secondary_capture, sequence, text

PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
_ROOT = "1.2.826.0.1.3680043.2.1143.9"
_CHARACTER_SET = 0x00080005
_SEEN = ("StudyInstanceUID", "PatientID")
"""Tells the answers about these files from those about others."""

_TAGS = {
    "patient": (0x00100020, "LO"),
    "name": (0x00100010, "PN"),
    "sex": (0x00100040, "CS"),
    "birth": (0x00100030, "DA"),
    "date": (0x00080020, "DA"),
    "time": (0x00080030, "TM"),
    "accession": (0x00080050, "SH"),
    "description": (0x00081030, "LO"),
    "modality": (0x00080060, "CS"),
    "series_description": (0x0008103E, "LO"),
    "body_part": (0x00180015, "CS"),
    "comments": (0x00104000, "LT"),
    "number": (0x00200013, "IS"),
}


def _file(place: str, extra: Mapping[int, Value] | None = None, **values: str | None) -> bytes:
    """Return a file of study, series and instance `place`; values that are None are left out."""
    elements: dict[int, Value] = {_CHARACTER_SET: text("CS", "ISO_IR 192"), **(extra or {})}
    without = []
    for keyword, value in values.items():
        number, vr = _TAGS[keyword]
        if value is None:
            without.append(number)
        else:
            elements[number] = text(vr, value, "utf-8")
    study, series, _ = place.split(".")
    uids = (f"{_ROOT}.{study}", f"{_ROOT}.{study}.{series}", f"{_ROOT}.{place}")
    return secondary_capture(str(values["patient"]), *uids, elements, without)


_THORAX: dict[str, str | None] = {
    "patient": "Q-1",
    "name": "Doe^Jane",
    "sex": "F",
    "birth": "19700203",
    "date": "20200101",
    "time": "073000",
    "accession": "qacc1",
    "description": "Thorax x",
}
_STEP = {0x00321060: text("LO", "CT"), 0x00400007: text("LO", "step"), 0x00400009: text("SH", "S1")}

FILES = (
    _file(
        "1.1.1", **_THORAX, modality="CT", series_description="ser1", body_part="CHEST", number="1"
    ),
    _file(
        "1.1.2", **_THORAX, modality="CT", series_description="ser1", body_part="CHEST", number="2"
    ),
    _file("1.2.1", **_THORAX, modality="SR", series_description="", number="1"),
    _file(
        "2.1.1",
        patient="Q-1",
        name="Roe^Joan",
        sex="F",
        birth="19700203",
        date="20210101",
        accession=" qlead",
        modality="MR",
        description="Abdomen",
        comments="claustrophobic",
    ),
    _file("3.1.1", patient="q_2", name="Élan^Zoë", date="", accession="", modality="MR"),
    _file("4.1.1", patient="Q-4", name="yamada=山田^太郎", date=None, modality="US"),
    _file("5.1.1", {0x00400275: sequence(_STEP)}, patient="Q-5", name=None, sex="O", modality="CT"),
    _file("6.1.1", patient="Q-6", name="", date="20200615", modality="CT"),
)
"""Six studies of five patients."""


@dataclass(frozen=True, slots=True)
class Query:
    """A C-FIND.

    Attributes
    ----------
    differs : str
        Why Nephele answers otherwise than Orthanc 1.10.1; empty where it does not.
    expected : int
        How many answers Nephele gives then.
    """

    name: str
    level: str
    keys: Mapping[str, str]
    root: str = STUDY_ROOT
    character_set: str = "ISO_IR 192"
    differs: str = ""
    expected: int = -1


_COUNTS = {
    "PATIENT": ("NumberOfPatientRelatedStudies", "NumberOfPatientRelatedSeries"),
    "STUDY": ("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "ModalitiesInStudy"),
    "SERIES": ("NumberOfSeriesRelatedInstances",),
    "IMAGE": (),
}
_WANTED = {
    "PATIENT": ("PatientID", "PatientName", "PatientSex", "PatientBirthDate"),
    "STUDY": ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "AccessionNumber"),
    "SERIES": ("PatientID", "StudyInstanceUID", "StudyDate", "SeriesInstanceUID", "Modality"),
    "IMAGE": ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
}


def _queries() -> Iterator[Query]:
    for level, tables in _TABLE.items():
        for keyword, values in tables.items():
            for value in values:
                yield Query(f"{level}: {keyword}={value or 'empty'}", level, {keyword: value})
    yield from _OTHERS


_NAMES = (
    *("Doe^Jane", "doe^jane", "ROE*", "*joan", "*^J?an*", "*o*e*", "élan*", "ÉLAN^ZOË", "ELAN*"),
    *("*山田*", "yamada", "yamada*", "*", "", "Doe^Jane ", "Doe^Jane\\Roe^Joan", "d*\\Roe^Joan"),
)
_TABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "PATIENT": {
        "PatientName": ("Doe^Jane", "doe*", "*", ""),
        "PatientID": ("Q-1", "q-1", "Q-1\\Q-4", "Q-?", "q_2", "q 2"),
        "PatientSex": ("F", "f", "O\\F"),
        "PatientBirthDate": ("19700203", "1970-1980", "19700203-"),
    },
    "STUDY": {
        "PatientName": _NAMES,
        "PatientID": ("Q-1", "q-1", "Q-*", "?-1", "Q-1 "),
        "PatientSex": ("F", "O"),
        "StudyDate": (
            *("20200101", "20200101-20201231", "20200101-", "-20200101", "-", "2020"),
            *("20210101-20200101", "20200101\\20210101", "2020*", "2020010?", ""),
        ),
        "StudyTime": ("070000-080000", "073000", "-0730", "08-"),
        "AccessionNumber": ("qacc1", "QACC1", "qlead", " qlead", "q*", "q?cc1", "qacc1\\ qlead"),
        "StudyDescription": ("Thorax x", "thorax*", "Thorax*", "*x*", "Abdomen\\Thorax x"),
        "ModalitiesInStudy": ("CT", "ct", "CT\\US", "C*", "SR", "XX", ""),
        "StudyInstanceUID": (f"{_ROOT}.1", f"{_ROOT}.1\\{_ROOT}.4", f"{_ROOT}.*", f"{_ROOT}.99"),
        "PatientComments": ("claustrophobic", "claustro*", "", "Claustro*"),
        "Rows": ("4", "5", ""),
        "InstitutionName": ("", "*"),
    },
    "SERIES": {
        "Modality": ("CT", "ct", "C?", "CT\\SR", "*"),
        "StudyInstanceUID": (f"{_ROOT}.1",),
        "SeriesDescription": ("ser1", "SER1", "s*", ""),
        "BodyPartExamined": ("CHEST", "chest"),
        "PatientName": ("doe*", "ROE^JOAN"),
        "StudyDate": ("20200101-20201231",),
        "SeriesInstanceUID": (f"{_ROOT}.1.1", f"{_ROOT}.1.1\\{_ROOT}.1.2"),
    },
    "IMAGE": {
        "InstanceNumber": ("1", "2", "1\\2", ""),
        "SOPInstanceUID": (f"{_ROOT}.1.1.2", f"{_ROOT}.1.1.1\\{_ROOT}.1.1.2"),
        "SeriesInstanceUID": (f"{_ROOT}.1.1",),
        "Modality": ("CT",),
        "PatientID": ("Q-1",),
        "PatientComments": ("claustrophobic",),
    },
}

_LOWER = "1.10.1 finds nothing by what a lower level keeps"
_OTHERS = (
    Query("levels in small letters", "study", {"PatientID": "Q-1"}),
    Query("levels in plural", "Studies", {"PatientID": "Q-1"}),
    Query("the level of instances by Orthanc's name", "INSTANCE", {"PatientID": "Q-1"}),
    Query("no such level", "FOO", {"PatientID": "Q-1"}),
    Query("no level", "", {"PatientID": "Q-1"}),
    Query("a study by the patient root", "STUDY", {"PatientID": "Q-1"}, PATIENT_ROOT),
    Query("a patient by the study root", "PATIENT", {"PatientID": "Q-1"}, STUDY_ROOT),
    Query("two keys", "STUDY", {"PatientName": "doe*", "StudyDate": "2020-"}),
    Query(
        "two keys that exclude each other", "STUDY", {"PatientName": "doe*", "StudyDate": "2021-"}
    ),
    Query("a name and a modality", "STUDY", {"PatientName": "*e*", "ModalitiesInStudy": "CT"}),
    Query("another character set", "STUDY", {"PatientName": "Élan*"}, character_set="ISO_IR 100"),
    Query(
        "a time zone is no key",
        "STUDY",
        {"PatientID": "Q-1", "TimezoneOffsetFromUTC": "+0100"},
        differs="1.10.1 compares it",
        expected=2,
    ),
    Query(
        "a count of another level", "SERIES", {"PatientID": "Q-1", "NumberOfStudyRelatedSeries": ""}
    ),
    Query("a tag of a lower level", "STUDY", {"PatientID": "Q-5", "Modality": ""}),
    Query(
        "a tag of a lower level and of files",
        "STUDY",
        {"PatientID": "Q-5", "Modality": "", "Rows": ""},
    ),
    Query(
        "all levels at once",
        "IMAGE",
        {"PatientName": "doe*", "StudyDate": "2020-", "Modality": "CT"},
    ),
    Query("instances by text of the file", "IMAGE", {"PatientID": "Q-1", "PatientComments": "c*"}),
    Query(
        "a series by two texts", "SERIES", {"SeriesDescription": "s*", "BodyPartExamined": "CH*"}
    ),
    Query("a sequence is no key", "SERIES", {"PatientID": "Q-1", "Modality": "MR"}),
    Query("by modality of a series", "STUDY", {"Modality": "SR"}, differs=_LOWER, expected=1),
    Query("by number of an instance", "STUDY", {"InstanceNumber": "2"}, differs=_LOWER, expected=1),
    Query("a patient by date", "PATIENT", {"StudyDate": "2021-"}, differs=_LOWER, expected=1),
    Query(
        "whether it is there",
        "IMAGE",
        {"PatientID": "Q-1", "InstanceAvailability": ""},
        differs="1.10.1 does not know InstanceAvailability",
        expected=4,
    ),
)
QUERIES = tuple(_queries())


@dataclass(frozen=True, slots=True)
class Found:
    """What a server answered: the last status, and the answers in any order."""

    status: int | None
    answers: list[dict[str, str]] = field(default_factory=list)


def _associate(port: int) -> Association:
    entity = AE("QUERIES")
    contexts = [build_context(uid, ExplicitVRLittleEndian) for uid in (PATIENT_ROOT, STUDY_ROOT)]
    return entity.associate("127.0.0.1", port, contexts=contexts, ae_title="ORTHANC")


def ask(port: int, query: Query) -> Found:
    """Ask one server, and keep what it answers about the files above."""
    association = _associate(port)
    answers, status = [], None
    for response, identifier in association.send_c_find(_identifier(query), query.root):
        status = response.Status if "Status" in response else None
        if identifier is not None and _is_ours(identifier):
            answers.append(_shown(identifier))
    association.release()
    return Found(status, sorted(answers, key=lambda answer: sorted(answer.items())))


def _identifier(query: Query) -> Dataset:
    identifier = Dataset()
    identifier.SpecificCharacterSet = query.character_set
    if query.level:
        identifier.QueryRetrieveLevel = query.level
    level = query.level.upper()
    wanted: Iterable[str] = (*_WANTED.get(level, _SEEN), *_COUNTS.get(level, ()))
    for keyword in (*wanted, *query.keys):
        value: Any = query.keys.get(keyword, "")
        setattr(identifier, keyword, int(value) if keyword == "Rows" and value else value or None)
    return identifier


def _is_ours(identifier: Dataset) -> bool:
    if "StudyInstanceUID" in identifier:
        return str(identifier.StudyInstanceUID).startswith(_ROOT)
    return str(identifier.PatientID).upper().startswith(("Q-", "Q_"))


def _shown(identifier: Dataset) -> dict[str, str]:
    return {
        element.keyword: f"{element.VR} {element.value if element.value is not None else ''}"
        for element in identifier
    }
