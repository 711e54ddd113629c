"""C-FIND on a small archive: what is found, and what is answered of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nephele.domain.dictionary import parse_tag, vr_of
from nephele.domain.query_identifier import QUERY_RETRIEVE_LEVEL, Key, Keys
from nephele.errors import BadRequest, BudgetExhausted, ParameterOutOfRange
from nephele.services.archive import Archive
from nephele.services.metering import metered
from nephele.services.query import iter_matches, matches, parse_query
from nephele.services.query_answers import iter_answers
from nephele.settings.configuration import parse_configuration

_THORAX, _ABDOMEN, _ELAN, _YAMADA = "1.2.1", "1.2.2", "1.2.3", "1.2.4"
_ALL = [_THORAX, _ABDOMEN, _ELAN, _YAMADA]


def _keys(level: str, **values: str) -> Keys:
    keys = {QUERY_RETRIEVE_LEVEL: Key(QUERY_RETRIEVE_LEVEL, "CS", level)}
    for name, value in values.items():
        number = parse_tag(name)
        assert number is not None
        items: Any = () if vr_of(number) == "SQ" else None
        keys[number] = Key(number, vr_of(number), value, items)
    return keys


def _ask(archive: Archive, level: str, **values: str) -> list[dict[str, Any]]:
    query = parse_query(_keys(level, **values), archive.configuration)
    batches = iter_answers(archive, query, iter_matches(archive, query))
    return [
        {keyword: answer[_number(keyword)].value for keyword in values}
        for batch in batches
        for answer in batch
    ]


def _number(keyword: str) -> int:
    number = parse_tag(keyword)
    assert number is not None
    return number


def _studies(archive: Archive, **values: str) -> list[str]:
    found = _ask(archive, "STUDY", StudyInstanceUID="", **values)
    return sorted(answer["StudyInstanceUID"] for answer in found)


STUDIES: dict[str, tuple[dict[str, str], list[str]]] = {
    "everything": ({}, _ALL),
    "a name in another case": ({"PatientName": "doe*"}, [_THORAX]),
    "an identifier in another case": ({"PatientID": "p1"}, []),
    "an identifier": ({"PatientID": "P1"}, [_THORAX, _ABDOMEN]),
    "a text in another case": ({"StudyDescription": "thorax*"}, []),
    "a text": ({"StudyDescription": "Thorax*"}, [_THORAX]),
    "a modality": ({"ModalitiesInStudy": "SR"}, [_THORAX]),
    "a modality in another case": ({"ModalitiesInStudy": "sr"}, []),
    "a tag of a series": ({"Modality": "SR"}, [_THORAX]),
    "tags of one series": ({"Modality": "SR", "SeriesDescription": "ser1"}, []),
    "a tag of a series and a date": (
        {"Modality": "MR", "StudyDate": "2021-"},
        [_ABDOMEN],
    ),
    "a tag of a series and a modality": ({"Modality": "CT", "ModalitiesInStudy": "MR"}, []),
    "a UID of an instance": ({"SOPInstanceUID": "1.2.4.1.1"}, [_YAMADA]),
    "a tag of the file": ({"Rows": "129"}, []),
    "a sequence is no key": ({"RequestAttributesSequence": ""}, _ALL),
    "a time zone is no key": ({"TimezoneOffsetFromUTC": "+0100"}, _ALL),
}


@pytest.mark.parametrize("case", STUDIES)
def test_studies(library: Archive, case: str) -> None:
    values, expected = STUDIES[case]
    assert _studies(library, **values) == expected


def _under(archive: Archive, text: str) -> Archive:
    return replace(archive, configuration=parse_configuration(text))


def test_who_it_is_retrieved_from_is_no_key(library: Archive) -> None:
    query = parse_query(_keys("STUDY", RetrieveAETitle="OTHER"), library.configuration)
    assert len(matches(library, query).ids) == len(_ALL)


def test_names_with_regard_to_case(library: Archive) -> None:
    archive = _under(library, '{"CaseSensitivePN": true}')
    assert _studies(archive, PatientName="doe*") == []
    assert _studies(archive, PatientName="Doe*") == [_THORAX]


def test_limits(library: Archive) -> None:
    archive = _under(library, '{"LimitFindResults": 2, "LimitFindInstances": 1}')
    assert len(_studies(archive)) == 2
    assert len(_ask(archive, "SERIES", SeriesInstanceUID="")) == 2
    assert len(_ask(archive, "IMAGE", SOPInstanceUID="")) == 1
    by_lower_level = _ask(archive, "PATIENT", PatientID="", Modality="MR", StudyDate="")
    assert len(by_lower_level) == 2


@pytest.mark.parametrize(
    ("mode", "found", "rows"),
    [("Always", [], ""), ("Answers", _ALL, "128"), ("Never", _ALL, "")],
)
def test_access_to_what_is_stored(library: Archive, mode: str, found: list[str], rows: str) -> None:
    archive = _under(library, f'{{"StorageAccessOnFind": "{mode}"}}')
    answers = _ask(archive, "STUDY", StudyInstanceUID="", Rows="129")
    assert sorted(answer["StudyInstanceUID"] for answer in answers) == found
    assert {answer["Rows"] for answer in answers} <= {rows}


def test_answers_of_each_level(library: Archive) -> None:
    (patient,) = _ask(
        library, "PATIENT", PatientID="P1", PatientName="", NumberOfPatientRelatedStudies=""
    )
    assert patient["NumberOfPatientRelatedStudies"] == "2"
    (study,) = _ask(
        library,
        "STUDY",
        StudyInstanceUID=_THORAX,
        PatientName="",
        ModalitiesInStudy="",
        NumberOfStudyRelatedInstances="",
        NumberOfPatientRelatedStudies="",
        InstanceAvailability="",
        PatientComments="",
        RequestAttributesSequence="",
    )
    assert study == {
        "StudyInstanceUID": _THORAX,
        "PatientName": "Doe^Jane",
        "ModalitiesInStudy": "CT\\SR",
        "NumberOfStudyRelatedInstances": "2",
        "NumberOfPatientRelatedStudies": "",
        "InstanceAvailability": "",
        "PatientComments": "",
        "RequestAttributesSequence": (),
    }
    (series,) = _ask(library, "SERIES", SeriesInstanceUID="1.2.2.1", RequestAttributesSequence="")
    ((item,),) = (series["RequestAttributesSequence"],)
    assert {number: one.value for number, one in item.items()} == {0x00400009: "S1"}
    (image,) = _ask(
        library,
        "IMAGE",
        SOPInstanceUID="1.2.1.1.1",
        PatientName="",
        StudyDate="",
        Modality="",
        InstanceAvailability="",
        Rows="",
    )
    assert image["PatientName"] == "Doe^Jane"
    assert image["StudyDate"] == "20200101"
    assert image["Modality"] == "CT"
    assert image["InstanceAvailability"] == "ONLINE"
    assert image["Rows"] == "128"


def test_an_answer_never_contradicts_what_was_asked(library: Archive) -> None:
    for modality in ("CT", "SR"):
        (answer,) = _ask(library, "STUDY", StudyInstanceUID=_THORAX, Modality=modality, Rows="")
        assert answer["Modality"] in (modality, "")


@pytest.mark.parametrize(
    ("level", "values", "error"),
    [
        pytest.param("", {}, BadRequest, id="no level"),
        pytest.param("FRAME", {}, BadRequest, id="no such level"),
        pytest.param("STUDY", {"StudyDate": "2020*"}, ParameterOutOfRange, id="a wild date"),
        pytest.param("STUDY", {"StudyInstanceUID": "1.*"}, ParameterOutOfRange, id="a wild UID"),
    ],
)
def test_queries_that_cannot_be(
    library: Archive, level: str, values: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        parse_query(_keys(level, **values), library.configuration)


def test_an_exhausted_budget_is_no_answer(library: Archive) -> None:
    with metered(library, read_units=2) as (counted, _), pytest.raises(BudgetExhausted):
        _ask(counted, "IMAGE", PatientComments="*")
