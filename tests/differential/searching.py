"""Searches: what is uploaded for them, and what both servers are asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha1
from typing import Any

from tests.differential.part10 import Value, secondary_capture, text
from tests.differential.request import Request, get, post

_ROOT = "1.2.826.0.1.3680043.2.1143.8"
_ABSENT: str | None = None


def _file(study: int, series: int, **values: str | None) -> bytes:
    """Return a file; values that are None are left out."""
    extra: dict[int, Value] = {0x00080005: text("CS", "ISO_IR 192")}
    without = []
    for keyword, value in values.items():
        number, vr = _TAGS[keyword]
        if value is None:
            without.append(number)
        else:
            extra[number] = text(vr, value, "utf-8")
    patient = str(values["patient"])
    uid = f"{_ROOT}.{study}"
    series_uid = f"{uid}.{series}"
    return secondary_capture(patient, uid, series_uid, f"{series_uid}.1", extra, without)


_TAGS = {
    "patient": (0x00100020, "LO"),
    "name": (0x00100010, "PN"),
    "sex": (0x00100040, "CS"),
    "date": (0x00080020, "DA"),
    "time": (0x00080030, "TM"),
    "accession": (0x00080050, "SH"),
    "description": (0x00081030, "LO"),
    "modality": (0x00080060, "CS"),
    "series_description": (0x0008103E, "LO"),
    "body_part": (0x00180015, "CS"),
    "comments": (0x00104000, "LT"),
}
_THORAX = {
    "patient": "FIND-1",
    "name": "Doe^Jane",
    "sex": "F",
    "date": "20200101",
    "time": "073000",
    "accession": "acc1",
    "description": "Thorax x",
}
_FILES = {
    "thorax": _file(1, 1, **_THORAX, modality="CT", series_description="ser1", body_part="CHEST"),
    "thorax report": _file(1, 2, **_THORAX, modality="SR", series_description=""),
    "abdomen": _file(
        2,
        1,
        patient="FIND-1",
        name="Roe^Joan",
        date="20210101",
        accession=" lead",
        modality="MR",
        description="Abdomen",
        comments="claustrophobic",
    ),
    "an empty date": _file(
        3, 1, patient="find_2", name="Élan^Zoë", date="", accession="", modality="MR"
    ),
    "no date": _file(4, 1, patient="FIND-4", name="yamada=山田^太郎", date=_ABSENT, modality="US"),
    "no name": _file(5, 1, patient="FIND-5", name=_ABSENT, sex="O", modality="CT"),
    "an empty name": _file(6, 1, patient="FIND-6", name="", date="20200615", modality="CT"),
}

UPLOADS = tuple(
    post(f"upload for searches: {name}", "/instances", file) for name, file in _FILES.items()
)

_QUERIES: dict[str, tuple[dict[str, Any], ...]] = {
    "Study": (
        {},
        {"PatientName": ""},
        *({"PatientName": name} for name in ("ROE*", "doe^jane", "*joan", "*^J?an*", "*o*e*")),
        *({"PatientName": name} for name in ("élan*", "ELAN*", "ÉLAN^ZOË", "*山*", "yamada", "*")),
        *({"PatientName": name} for name in ("Doe^Jane ", "Doe^Jane\\Roe^Joan", "d*\\Roe^Joan")),
        *({"PatientID": value} for value in ("find-1", "FIND-1 ", "find 2", "FIND_2", "FIND-?")),
        *({"StudyDate": value} for value in ("20200101", "20200101-20201231", "20200101-")),
        *({"StudyDate": value} for value in ("-20200101", "-", "20210101-20200101", "2020")),
        *({"StudyDate": value} for value in ("20200101\\20210101", "20200101-20200601\\20210101")),
        *({"StudyDate": value} for value in ("2020*", "2020010?")),
        *({"StudyTime": value} for value in ("070000-080000", "073000", "-0730", "08-")),
        *({"AccessionNumber": value} for value in ("ACC1", "lead", " lead", "*", "a?c1", "?cc*")),
        *({"AccessionNumber": value} for value in ("acc1\\ lead", "acc*\\ lead", "\\acc1")),
        *({"StudyDescription": value} for value in ("*", "abdomen", "thorax ?", "thorax", "*x*")),
        *({"ModalitiesInStudy": value} for value in ("CT", "ct", "CT\\US", "C*", "SR", "XX")),
        {"ModalitiesInStudy": "MR", "PatientName": "roe*"},
        {"ModalitiesInStudy": "CT", "StudyDate": "20200101-20200131"},
        {"ModalitiesInStudy": "MR", "StudyDate": "20200101-20200131"},
        {"Modality": "CT"},
        {"SeriesInstanceUID": f"{_ROOT}.1.1"},
        {"StudyInstanceUID": f"{_ROOT}.1"},
        {"StudyInstanceUID": f"{_ROOT}.1\\{_ROOT}.2"},
        {"StudyInstanceUID": f"{_ROOT}.*"},
        {"PatientSex": "f"},
        {"PatientComments": "claustro*"},
        {"PatientComments": "*"},
        {"SeriesDescription": "ser1"},
        {"Rows": "4", "StudyDate": "20210101-"},
        {"0008,0020": "20200101"},
        {"0008-0020": "20200101"},
        {"00080020": "20200101"},
        {"PatientAge": "*"},
        {"0009,1001": "*"},
        {"NumberOfStudyRelatedSeries": "2"},
        {"RequestAttributesSequence": "x"},
        {"QueryRetrieveLevel": "STUDY"},
    ),
    "Patient": (
        {"PatientName": "roe*"},
        {"PatientName": "doe*"},
        {"PatientName": "*jane"},
        {"PatientName": "*oan"},
        {"PatientID": "FIND-1"},
        {"PatientSex": "F\\O"},
        {"StudyDate": "20200101"},
        {"ModalitiesInStudy": "CT"},
        {"PatientComments": "*"},
    ),
    "Series": (
        {"Modality": "CT"},
        {"Modality": "c?"},
        {"Modality": "CT\\SR", "PatientName": "doe*"},
        {"ModalitiesInStudy": "CT"},
        {"PatientName": "roe*"},
        {"SeriesDescription": "*", "PatientID": "FIND-1"},
        {"SeriesInstanceUID": f"{_ROOT}.1.1", "PatientName": "roe*"},
        {"SeriesInstanceUID": f"{_ROOT}.1.1", "PatientName": "doe*"},
        {"BodyPartExamined": "chest"},
    ),
    "Instance": (
        {"SOPInstanceUID": f"{_ROOT}.1.1.1"},
        {"SOPInstanceUID": f"{_ROOT}.1.1.1", "StudyDate": "20200102"},
        {"PatientName": "roe*"},
        {"Modality": "CT\\SR"},
        {"SeriesDescription": "SER1"},
        {"PatientComments": "claustro*"},
    ),
}


def _search(reason: str, body: Any, path: str = "/tools/find") -> Request:
    return post(f"search {reason}", path, json.dumps(body).encode())


def _searches() -> Iterator[Request]:
    for level, queries in _QUERIES.items():
        for query in queries:
            shown = json.dumps(query, ensure_ascii=False)
            yield _search(f"{level} {shown}", {"Level": level, "Query": query})
    for name, fields in _FIELDS.items():
        yield _search(name, {"Level": "Study", "Query": {"PatientID": "FIND-1"}, **fields})
    for name, body in _BODIES.items():
        yield post(f"search {name}", "/tools/find", body)
    yield get("search by GET", "/tools/find")
    yield from _bulks()


_FIELDS: dict[str, dict[str, Any]] = {
    "expanded": {"Expand": True},
    "expanded, short": {"Expand": True, "Short": True},
    "expanded, full": {"Expand": True, "Full": True},
    "full without expanding": {"Full": True},
    "expanded patients": {"Level": "Patient", "Expand": True},
    "expanded series": {"Level": "Series", "Expand": True},
    "expanded instances": {"Level": "Instance", "Expand": True},
    "with requested tags": {"Expand": True, "RequestedTags": ["PatientName"]},
    "level in capitals": {"Level": "STUDY"},
    "level in the plural": {"Level": "studies"},
    "level image": {"Level": "Images"},
    "level that is none": {"Level": "x"},
    "level that is no text": {"Level": 3},
    "with a limit": {"Limit": 1},
    "with a limit of nothing": {"Limit": 0},
    "with a start": {"Since": 1},
    "with a page": {"Since": 1, "Limit": 1},
    "with a page behind the end": {"Since": 10, "Limit": 1},
    "with a negative limit": {"Limit": -1},
    "with a negative start": {"Since": -1},
    "with a limit that is text": {"Limit": "1"},
    "with a limit that is a fraction": {"Limit": 1.5},
    "in its own case": {"CaseSensitive": True},
    "in another case": {"CaseSensitive": True, "Query": {"PatientName": "DOE*"}},
    "in the name's case": {"CaseSensitive": True, "Query": {"PatientName": "Doe*"}},
    "with a case that is text": {"CaseSensitive": "x"},
    "with a flag that is text": {"Expand": "x"},
    "with a format that is text": {"Full": "x"},
    "for a number": {"Query": {"PatientName": 3}},
    "for nothing": {"Query": {"PatientName": None}},
    "for a list": {"Query": {"PatientName": ["a"]}},
    "for a tag there is not": {"Query": {"NoSuchTag": "x"}},
    "with a query that is a list": {"Query": []},
    "with a query that is text": {"Query": "x"},
}
_BODIES = {
    "without a body": b"",
    "without a level": b'{"Query":{}}',
    "without a query": b'{"Level":"Study"}',
    "with a body cut short": b'{"Level":"Study",',
    "with a list": b"[]",
}


def _bulks() -> Iterator[Request]:
    patient = _id("FIND-1")
    study = _id("FIND-1", f"{_ROOT}.1")
    series = _id("FIND-1", f"{_ROOT}.1", f"{_ROOT}.1.1")
    unknown = "-".join(["0" * 8] * 5)
    for name, fields in {
        "nothing": {"Resources": []},
        "unknown resources": {"Resources": [unknown]},
        "several levels": {"Resources": [series, unknown, patient, study]},
        "a study, without metadata": {"Resources": [study], "Metadata": False},
        "a study, short": {"Resources": [study], "Metadata": False, "Short": True},
        "a study, full": {"Resources": [study], "Metadata": False, "Full": True},
        "the series of a study and a patient": {
            "Resources": [study, patient],
            "Level": "Series",
            "Metadata": False,
        },
        "the patient of a series": {"Resources": [series], "Level": "patient", "Metadata": False},
        "no resources": {},
        "resources that are text": {"Resources": "x"},
        "a level that is none": {"Resources": [], "Level": "x"},
    }.items():
        yield _search(f"content of {name}", fields, "/tools/bulk-content")


def _id(*identifiers: str) -> str:
    digest = sha1("|".join(identifiers).encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))


SEARCHES = tuple(_searches())
