"""Which worklists a query asks for (PS3.4 K), and what it is answered."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from nephele.domain.query_answer import Answer
from nephele.domain.query_identifier import Keys
from nephele.domain.worklists import for_station, parse_worklist_query
from nephele.errors import BadRequest, ParameterOutOfRange
from tests.unit.domain.test_query_identifier import keys_of

STEPS = "ScheduledProcedureStepSequence"
WORKLIST: dict[str, Any] = {
    "0008,0018": "1.2.3",
    "0008,0050": "A1",
    "0010,0010": "Doe^Jane",
    "0010,0020": "P1",
    "0040,0100": [
        {"0008,0060": "CT", "0040,0001": "CT1", "0040,0002": "20260101", "0040,0007": "head"},
        {"0008,0060": "MR", "0040,0001": "MR1", "0040,0002": "20260102"},
    ],
}


def step(**values: str) -> list[Dataset]:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


def is_found(keys: Keys) -> bool:
    return parse_worklist_query(keys, is_case_sensitive_name=False).matches(WORKLIST)


def answer(keys: Keys) -> Answer:
    return parse_worklist_query(keys, is_case_sensitive_name=False).answer(WORKLIST)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param({}, True, id="nothing asked"),
        pytest.param({"PatientName": "doe*"}, True, id="a name in another case"),
        pytest.param({"PatientID": "p1"}, False, id="an identifier in another case"),
        pytest.param({"AccessionNumber": "A2"}, False, id="another accession number"),
        pytest.param({"AdmissionID": "1"}, False, id="a tag that is absent"),
        pytest.param({"AdmissionID": ""}, True, id="an absent tag is only wanted"),
        pytest.param({STEPS: []}, True, id="an empty sequence"),
        pytest.param({STEPS: step()}, True, id="an empty item"),
        pytest.param({STEPS: step(Modality="MR")}, True, id="the second item"),
        pytest.param({STEPS: step(Modality="US")}, False, id="no item"),
        pytest.param(
            {STEPS: step(Modality="MR", ScheduledStationAETitle="CT1")},
            False,
            id="no item has both",
        ),
        pytest.param(
            {STEPS: step(ScheduledProcedureStepStartDate="20260102-20260131")}, True, id="a range"
        ),
        pytest.param(
            {"ReferencedStudySequence": step(ReferencedSOPInstanceUID="1.2")},
            True,
            id="a sequence the worklist does not have",
        ),
        pytest.param({"SOPInstanceUID": "9"}, True, id="the instance is never asked for"),
    ],
)
def test_matching(keys: dict[str, Any], expected: bool) -> None:
    assert is_found(keys_of(**keys)) is expected


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        pytest.param({STEPS: step() + step()}, BadRequest, id="two items"),
        pytest.param({"PatientBirthDate": "19*"}, ParameterOutOfRange, id="a wildcard in a date"),
    ],
)
def test_queries_that_cannot_be(keys: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        is_found(keys_of(**keys))


def test_answers_hold_what_is_wanted_of_the_items_that_match() -> None:
    item = step(Modality="MR", ScheduledStationAETitle="", ScheduledProcedureStepDescription="")
    found = answer(keys_of(PatientName="", AdmissionID="", SOPInstanceUID="", **{STEPS: item}))
    assert sorted(found) == [0x00100010, 0x00380010, 0x00400100]
    assert found[0x00100010].value == "Doe^Jane"
    assert found[0x00380010].value == ""
    (only,) = found[0x00400100].value
    assert {tag: element.value for tag, element in only.items()} == {  # type: ignore[union-attr]
        0x00080060: "MR",
        0x00400001: "MR1",
        0x00400007: "",
    }


def test_an_empty_sequence_wants_all_of_it() -> None:
    steps = answer(keys_of(**{STEPS: []}))[0x00400100].value
    assert [len(item) for item in steps] == [4, 3]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param({}, False, id="no sequence"),
        pytest.param({STEPS: []}, False, id="an empty sequence"),
        pytest.param({STEPS: step(ScheduledStationAETitle="*")}, False, id="any station"),
        pytest.param({STEPS: step(ScheduledStationAETitle="CT1")}, True, id="a station"),
    ],
)
def test_what_is_scheduled_for_the_caller(keys: dict[str, Any], expected: bool) -> None:
    assert is_found(for_station(keys_of(**keys), "US1")) is expected
    assert is_found(for_station(keys_of(**keys), "CT1"))
