"""C-FIND at the edge, asked by DCMTK, GDCM and pynetdicom."""

from __future__ import annotations

import re
import select
import subprocess
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from dimse_edge.association import EdgeAssociation
from dimse_edge.request import Request
from dimse_edge.scp import answers, find
from nephele.aws.index import meter
from nephele.domain.query_answer import Answer
from nephele.domain.sop_classes import PATIENT_ROOT_FIND, STUDY_ROOT_FIND, STUDY_ROOT_MOVE
from nephele.services import query_answers
from nephele.settings.limits import EDGE_FIND_SECONDS
from tests.edge.conftest import tool
from tests.edge.scp.conftest import FILES, SECONDS, TWICE, InnerEdge, StartInner, run

Answers = list[tuple[int, Dataset | None]]


def associate(port: int, *classes: str, syntax: UID = ExplicitVRLittleEndian) -> Association:
    entity = AE("FINDER")
    for uid in classes or (STUDY_ROOT_FIND,):
        entity.add_requested_context(uid, syntax)
    association = entity.associate("127.0.0.1", port, ae_title="ORTHANC")
    assert association.is_established
    return association


def identifier(level: str, **values: Any) -> Dataset:
    keys = Dataset()
    keys.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(keys, keyword, value)
    return keys


def ask(association: Association, keys: Dataset, model: str = STUDY_ROOT_FIND) -> Answers:
    return [(one.Status, found) for one, found in association.send_c_find(keys, model)]


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian]
)
def test_answers_in_each_transfer_syntax(edge: InnerEdge, syntax: UID) -> None:
    association = associate(edge.port, syntax=syntax)
    keys = identifier("STUDY", PatientName="doe^1", StudyInstanceUID="", Rows=None)
    (status, found), (final, nothing) = ask(association, keys)
    association.release()
    assert (status, final, nothing) == (0xFF00, 0x0000, None)
    assert found is not None
    assert [str(element.tag) for element in found] == [
        "(0008,0005)",
        "(0008,0052)",
        "(0008,0054)",
        "(0010,0010)",
        "(0020,000D)",
        "(0028,0010)",
    ]
    assert found.SpecificCharacterSet == "ISO_IR 100"
    assert found.QueryRetrieveLevel == "STUDY"
    assert found.RetrieveAETitle == "ORTHANC"
    assert found.PatientName == "Doe^1"
    assert found.Rows == 128


def test_one_study_uid_under_two_patients(edge: InnerEdge) -> None:
    association = associate(edge.port)
    found = ask(association, identifier("STUDY", StudyInstanceUID=TWICE, PatientID=""))
    association.release()
    assert sorted(str(one.PatientID) for _, one in found if one is not None) == ["P7", "P8"]


def test_findscu(edge: InnerEdge) -> None:
    keys = ("QueryRetrieveLevel=SERIES", "PatientID=P1", "SeriesInstanceUID", "Modality")
    counts = ("NumberOfSeriesRelatedInstances",)
    arguments = [word for key in (*keys, *counts) for word in ("-k", key)]
    code, output = run("findscu", edge.port, "-P", *arguments)
    assert code == 0, output
    assert output.count("Find Response: ") == 1
    assert re.search(r"\(0020,1209\) IS \[3\s*\]", output)


def test_gdcmscu(edge: InnerEdge, caplog: pytest.LogCaptureFixture) -> None:
    """The client of GDCM 3.0.21 crashes behind its last answer, whoever has given it."""
    caplog.set_level("INFO", "nephele")
    subprocess.run(
        [
            *(tool("gdcmscu"), "127.0.0.1", str(edge.port), "--call", "ORTHANC"),
            *("--find", "--studyroot", "--study", "--key", "10,10,Doe*", "--key", "20,d"),
        ],
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    edge.wait_for_end()
    (record,) = [one for one in caplog.records if one.getMessage() == "query answered"]
    assert vars(record)["answers"] == 5


def test_cancelled_query_ends(start: StartInner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The edge goes on with its second answer when the C-CANCEL is there, and not before."""
    monkeypatch.setattr(query_answers, "_BATCH", 1)

    def gated(asked: EdgeAssociation, request: Request, batches: Any, always: Answer) -> int:
        return answers.send_answers(asked, request, _iter_held(asked, batches), always)

    monkeypatch.setattr(find, "send_answers", gated)
    association = associate(start().port)
    keys = identifier("IMAGE", SOPInstanceUID="")
    responses = association.send_c_find(keys, STUDY_ROOT_FIND, 7)
    statuses = [next(responses)[0].Status]
    association.send_c_cancel(7, query_model=STUDY_ROOT_FIND)
    statuses += [one.Status for one, _ in responses]
    assert statuses == [0xFF00, 0xFE00]
    monkeypatch.undo()
    assert ask(association, identifier("PATIENT", PatientID="P1"))[-1][0] == 0x0000, "it lives"
    association.release()


def test_others_are_served_in_the_middle_of_a_query(
    start: StartInner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query that sends its answers for ever so long leaves its process to other associations."""
    monkeypatch.setattr(query_answers, "_BATCH", 1)
    edge = start()
    is_between, echoed = threading.Event(), threading.Event()

    def gated(asked: EdgeAssociation, request: Request, batches: Any, always: Answer) -> int:
        def iter_held() -> Iterator[Any]:
            yield next(batches)
            is_between.set()
            assert echoed.wait(SECONDS)
            yield from batches

        return answers.send_answers(asked, request, iter_held(), always)

    monkeypatch.setattr(find, "send_answers", gated)
    association = associate(edge.port)
    responses = association.send_c_find(identifier("IMAGE", SOPInstanceUID=""), STUDY_ROOT_FIND)
    assert next(responses)[0].Status == 0xFF00
    assert is_between.wait(SECONDS)
    code, output = run("echoscu", edge.port)
    assert code == 0, output
    echoed.set()
    *_, (last, _) = responses
    assert last.Status == 0x0000
    association.release()


def test_slow_requestors_cost_the_search_no_time(
    start: StartInner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch takes longer to be sent than a search may; others are read meanwhile and then."""
    monkeypatch.setattr(query_answers, "_BATCH", 1)
    now = 0.0
    monkeypatch.setattr(meter, "time", SimpleNamespace(monotonic=lambda: now))

    def gated(asked: EdgeAssociation, request: Request, batches: Any, always: Answer) -> int:
        def iter_slowly() -> Iterator[Any]:
            nonlocal now
            for batch in batches:
                now += 2 * EDGE_FIND_SECONDS
                yield batch

        return answers.send_answers(asked, request, iter_slowly(), always)

    monkeypatch.setattr(find, "send_answers", gated)
    association = associate(start().port)
    keys = identifier("IMAGE", SOPInstanceUID="", PatientName="")
    statuses = [status for status, _ in ask(association, keys)]
    association.release()
    assert statuses == [0xFF00] * len(FILES) + [0x0000]


def _iter_held(association: EdgeAssociation, batches: Any) -> Iterator[Any]:
    """Yield the first batch; the others as soon as the peer has said something."""
    yield next(batches)
    transport = association.dul.socket
    assert transport is not None
    assert transport.socket is not None
    poll = select.poll()
    poll.register(transport.socket, select.POLLIN)
    assert poll.poll(SECONDS * 1000)
    yield from batches


@pytest.mark.parametrize(
    ("keys", "comment"),
    [
        pytest.param({"level": "FRAME"}, "0008,0052", id="no such level"),
        pytest.param({"level": ""}, "0008,0052", id="no level"),
        pytest.param({"level": "STUDY", "StudyDate": "2020*"}, "0008,0020", id="a wild date"),
    ],
)
def test_queries_that_cannot_be(edge: InnerEdge, keys: dict[str, str], comment: str) -> None:
    association = associate(edge.port)
    level = keys.pop("level")
    ((response, found),) = list(association.send_c_find(identifier(level, **keys), STUDY_ROOT_FIND))
    keys["level"] = level
    assert (response.Status, found) == (0xC000, None)
    assert comment in response.ErrorComment
    association.release()


def test_request_in_another_services_context(edge: InnerEdge) -> None:
    association = associate(edge.port, STUDY_ROOT_MOVE)
    (context,) = association.accepted_contexts
    context.abstract_syntax = UID(STUDY_ROOT_FIND)
    context._as_scu = True
    ((response, _),) = list(association.send_c_find(identifier("STUDY"), STUDY_ROOT_FIND))
    assert response.Status == 0x0122
    association.release()


def test_who_may_not_ask_is_aborted(start: StartInner) -> None:
    edge = start(DicomAlwaysAllowFind=False)
    association = associate(edge.port)
    assert [
        len(one) for one, _ in association.send_c_find(identifier("STUDY"), STUDY_ROOT_FIND)
    ] == [0]
    association.join(SECONDS)
    assert association.is_aborted


def test_vitrea_asks_for_a_private_tag(start: StartInner) -> None:
    modalities = {"vitrea": ["FINDER", "127.0.0.1", 104, "Vitrea"]}
    for options, count in (({"DicomModalities": modalities}, 2), ({}, 1)):
        association = associate(start(**options).port)
        keys = identifier("STUDY", PatientID="P1")
        keys.add_new(0x56530010, "LO", "Vital Images SW 3.4")
        keys.add_new(0x56531010, "LO", "")
        found = [one for _, one in ask(association, keys) if one is not None]
        association.release()
        assert len(found) == 1
        assert (pydicom.tag.Tag(0x56530010) in found[0]) is (count == 1)


def test_both_roots_are_accepted(edge: InnerEdge) -> None:
    association = associate(edge.port, PATIENT_ROOT_FIND, STUDY_ROOT_FIND)
    for model in (PATIENT_ROOT_FIND, STUDY_ROOT_FIND):
        assert len(ask(association, identifier("PATIENT", PatientID="P1"), model)) == 2
    association.release()
