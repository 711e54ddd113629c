"""Modality worklists at the edge (PS3.4 K)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE

from nephele.domain.sop_classes import MODALITY_WORKLIST_FIND
from nephele.services.archive import Archive
from nephele.services.worklists import delete_worklist, put_worklist, tags_of_json
from tests.edge.scp.conftest import InnerEdge, StartInner, run

ENABLED = {"Enable": True}


@pytest.fixture
def two_worklists(stocked: Archive) -> Iterator[None]:
    made = [
        put_worklist(
            stocked,
            tags_of_json(
                {
                    "PatientName": name,
                    "PatientID": patient,
                    "ScheduledProcedureStepSequence": [
                        {"Modality": modality, "ScheduledStationAETitle": station}
                    ],
                }
            ),
        )
        for name, patient, modality, station in (
            ("Müller^Eva", "W1", "CT", "CT1"),
            ("Smith^John", "W2", "MR", "MR1"),
        )
    ]
    yield
    for identifier in made:
        delete_worklist(stocked, identifier)


def ask(edge: InnerEdge, keys: Dataset, calling: str = "CT1") -> tuple[list[Dataset], int]:
    entity = AE(calling)
    entity.add_requested_context(MODALITY_WORKLIST_FIND)
    association = entity.associate("127.0.0.1", edge.port)
    assert association.is_established
    answers = list(association.send_c_find(keys, MODALITY_WORKLIST_FIND))
    association.release()
    return [found for _, found in answers if found], answers[-1][0].Status


def wanted(**values: str) -> Dataset:
    keys, step = Dataset(), Dataset()
    keys.PatientName = keys.PatientID = ""
    step.Modality = values.get("modality", "")
    step.ScheduledStationAETitle = values.get("station", "")
    keys.ScheduledProcedureStepSequence = [step]
    return keys


@pytest.mark.usefixtures("two_worklists")
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ["W1", "W2"]),
        ({"modality": "MR"}, ["W2"]),
        ({"station": "CT*"}, ["W1"]),
        ({"modality": "US"}, []),
    ],
)
def test_queries(start: StartInner, values: dict[str, str], expected: list[str]) -> None:
    found, status = ask(start(Worklists=ENABLED), wanted(**values))
    assert sorted(str(one.PatientID) for one in found) == expected
    assert status == 0x0000
    for one in found:
        assert "QueryRetrieveLevel" not in one
        assert len(one.ScheduledProcedureStepSequence) == 1


@pytest.mark.usefixtures("two_worklists")
def test_character_set_of_an_answer(start: StartInner) -> None:
    for encoding, term in (("Latin1", "ISO_IR 100"), ("Utf8", "ISO_IR 192")):
        edge = start(Worklists=ENABLED, DefaultEncoding=encoding)
        (found,), _ = ask(edge, wanted(station="CT1"))
        assert found.SpecificCharacterSet == term
        assert str(found.PatientName) == "Müller^Eva"


@pytest.mark.usefixtures("two_worklists")
def test_what_is_scheduled_for_the_caller(start: StartInner) -> None:
    edge = start(Worklists={**ENABLED, "FilterIssuerAet": True})
    found, _ = ask(edge, wanted(), "MR1")
    assert [str(one.PatientID) for one in found] == ["W2"]


@pytest.mark.usefixtures("two_worklists")
def test_limit(start: StartInner) -> None:
    found, status = ask(start(Worklists={**ENABLED, "LimitAnswers": 1}), wanted())
    assert (len(found), status) == (1, 0xFE00)


@pytest.mark.usefixtures("two_worklists")
def test_findscu(start: StartInner) -> None:
    keys = ("PatientName=smith*", "ScheduledProcedureStepSequence[0].Modality=MR")
    arguments = [word for key in keys for word in ("-k", key)]
    code, output = run("findscu", start(Worklists=ENABLED).port, "-W", *arguments)
    assert code == 0, output
    assert output.count("Find Response: ") == 1


def test_worklists_are_not_offered_unless_they_are_switched_on(edge: InnerEdge) -> None:
    entity = AE("CT1")
    entity.add_requested_context(MODALITY_WORKLIST_FIND)
    association = entity.associate("127.0.0.1", edge.port)
    assert not association.accepted_contexts
    assert [context.result for context in association.rejected_contexts] == [3]
    association.abort()


def test_who_may_not_ask_is_aborted(start: StartInner) -> None:
    edge = start(Worklists=ENABLED, DicomAlwaysAllowFindWorklist=False)
    entity = AE("CT1")
    entity.add_requested_context(MODALITY_WORKLIST_FIND)
    association = entity.associate("127.0.0.1", edge.port)
    ((response, _),) = list(association.send_c_find(wanted(), MODALITY_WORKLIST_FIND))
    association.join(30)
    assert len(response) == 0
    assert association.is_aborted
