"""Retrievals: what was interrupted goes on, and what failed is asked for by other contexts."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from dimse_edge.executor import load_kind
from dimse_edge.reception import Reception
from dimse_edge.scu import getting
from dimse_edge.store import store as receive
from nephele.aws import clients, clock
from nephele.aws.index import jobs as rows
from nephele.aws.queues import Queue
from nephele.domain.jobs import Job, JobState
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.sop_classes import STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE
from nephele.errors import BadFileFormat
from nephele.services.archive import Archive
from nephele.services.index_objects import index_objects
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.submit import submit
from nephele.services.overrides import Followed
from nephele.services.receive import Receipt
from nephele.services.store import store
from tests.edge.scu.holder import STUDY, Holder, holder, slices
from tests.edge.scu.test_sender import scp
from tests.unit.conftest import archive as archive
from tests.unit.conftest import deaths as deaths
from tests.unit.conftest import messages

_RARE = "1.2.840.10008.5.1.4.34.7"
"""RT Beams Delivery Instruction Storage: not among the 120 that are proposed first."""
_SOP_INSTANCE_UID = "0008,0018"
_ASKED_FOR = "0020,000d"


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture(autouse=True)
def indexed_at_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Index what comes, as the function behind the bucket does."""
    url = clients.sqs().create_queue(QueueName="edge_jobs")["QueueUrl"]
    archive.queues["edge_jobs"] = Queue(url)

    def kept(archive: Archive, reception: Reception, provenance: Provenance) -> Receipt:
        receipt = receive(archive, reception, provenance)
        assert index_objects(archive, [receipt.key]) == {}
        return receipt

    monkeypatch.setattr(getting, "store", kept)


def retrieve(archive: Archive, port: int, job_type: str = "DicomGetScu", **more: Any) -> Job:
    modality = {"AET": "HOLDER", "Host": "127.0.0.1", "Port": port, "Timeout": 30}
    request = {"Modality": modality, "Level": "Study", "Queries": [{_ASKED_FOR: STUDY}], **more}
    return submit(archive, job_type, request)


_PATIENT = {"Level": "Patient", "Queries": [{"0010,0020": "HELD"}]}


def run(archive: Archive, message: dict[str, Any]) -> Job:
    run_message(archive, message, load_kind, lambda: True)
    ended = rows.job(archive.index.table, str(message["job"]))
    assert ended is not None
    return ended


def here(archive: Archive, held: Holder) -> set[str]:
    """Return the SOP Instance UIDs of the study that have come, each with its pixels."""
    found = set()
    for one in held.data_sets:
        for orthanc_id in archive.index.lookup(_SOP_INSTANCE_UID, str(one.SOPInstanceUID)):
            resource = archive.index.resource(orthanc_id)
            assert resource is not None
            assert resource.file is not None
            file = io.BytesIO(archive.bucket.open_range(resource.file.key, 0))
            assert pydicom.dcmread(file).PixelData == one.PixelData
            found.add(str(one.SOPInstanceUID))
    return found


@contextmanager
def dying_after(count: int) -> Iterator[None]:
    """Let the worker be killed when so many instances have been stored."""
    kept, stored = getting.store, list[Receipt]()

    def kill(*arguments: Any) -> Receipt:
        if len(stored) == count:
            raise Killed
        stored.append(kept(*arguments))
        return stored[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(getting, "store", kill)
        yield


@pytest.mark.parametrize(
    ("what", "options", "asked"),
    [
        pytest.param(
            {}, {}, [("STUDY", 1), ("IMAGE", 2), ("SERIES", 1)], id="only what is missing"
        ),
        pytest.param(
            _PATIENT, {}, [("PATIENT", 1), ("IMAGE", 2), ("SERIES", 1)], id="of a patient"
        ),
        pytest.param(
            {}, {"is_searchable": False}, [("STUDY", 1)] * 2, id="it does not list instances"
        ),
        pytest.param(
            {},
            {"knows_lists": False},
            [("STUDY", 1), ("IMAGE", 2), ("STUDY", 1)],
            id="it knows no lists",
        ),
        pytest.param(
            {},
            {"unlisted": [f"{STUDY}.1.3"]},
            [("STUDY", 1)] * 2,
            id="it does not list all that it has",
        ),
    ],
)
def test_an_interrupted_get_goes_on(
    archive: Archive,
    deaths: Callable[[], None],
    what: dict[str, Any],
    options: dict[str, Any],
    asked: list[tuple[str, int]],
) -> None:
    with holder([*slices(1, 3), *slices(2, 2)], **options) as (port, held):
        job = retrieve(archive, port, **what)
        (message,) = messages(archive, "edge_jobs")
        with dying_after(1), pytest.raises(Killed):
            run(archive, message)
        assert len(here(archive, held)) == 1
        deaths()
        ended = run(archive, message)
    assert (ended.state, ended.error_details) == (JobState.SUCCESS, "")
    assert held.asked == asked
    assert len(here(archive, held)) == 5
    (told,) = ended.content["Details"]
    assert told["DimseErrorStatus"] == 0
    ids = [
        archive.index.lookup(_SOP_INSTANCE_UID, str(one.SOPInstanceUID))[0]
        for one in held.data_sets
    ]
    assert sorted(set(told["ReceivedInstancesIds"])) == sorted(ids)
    assert job.identifier == ended.identifier


def run_after_a_death(archive: Archive, port: int, deaths: Callable[[], None]) -> Job:
    """Retrieve the study by a worker that is killed behind the first instance, and by another."""
    retrieve(archive, port)
    (message,) = messages(archive, "edge_jobs")
    with dying_after(1), pytest.raises(Killed):
        run(archive, message)
    deaths()
    return run(archive, message)


def test_a_series_that_grows_hides_no_list_that_is_not_understood(
    archive: Archive, deaths: Callable[[], None]
) -> None:
    """As many come as were missing, but not the same ones."""
    late = slices(2, 4)[2:]
    with holder([*slices(1, 3), *slices(2, 2)], knows_lists=False, late=late) as (port, held):
        assert run_after_a_death(archive, port, deaths).state is JobState.SUCCESS
    assert len(held.data_sets) == 7
    assert len(here(archive, held)) == 7


def test_what_was_here_before_is_asked_for_again(
    archive: Archive, deaths: Callable[[], None]
) -> None:
    """It may be another content under the same UID, which `OverwriteInstances` is about."""
    data_sets = slices(1, 3)
    _keep(archive, data_sets[2], "HOLDER", clock.now())
    with holder(data_sets) as (port, held):
        assert run_after_a_death(archive, port, deaths).state is JobState.SUCCESS
    assert held.asked == [("STUDY", 1), ("IMAGE", 2)]


def _keep(archive: Archive, data_set: pydicom.Dataset, aet: str, received: str) -> None:
    file = io.BytesIO()
    data_set.save_as(file)
    file.seek(0)
    store(archive, file, Provenance(Origin.DICOM_PROTOCOL, received, remote_aet=aet))


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Let the worker be killed when the answer to its C-MOVE is there; return what lets it live."""
    with monkeypatch.context() as patch:

        def kill(*_: object) -> None:
            raise Killed

        patch.setattr("dimse_edge.scu.move.moved", kill)
        yield patch.undo


@pytest.mark.parametrize(
    ("target", "aet", "asked"),
    [
        pytest.param("orthanc", "HOLDER ", [("STUDY", 1), ("IMAGE", 1)], id="to here"),
        pytest.param("ORTHANC", "CT1", [("STUDY", 1)] * 2, id="somebody else has sent it"),
        pytest.param("OTHER", "HOLDER", [("STUDY", 1)] * 2, id="to somebody else"),
    ],
)
def test_an_interrupted_move_goes_on(
    archive: Archive,
    deaths: Callable[[], None],
    dying: Callable[[], None],
    target: str,
    aet: str,
    asked: list[tuple[str, int]],
) -> None:
    data_sets = slices(1, 3)
    with scp() as (target_port, _), holder(data_sets, target=target_port) as (port, held):
        retrieve(archive, port, "DicomMoveScu", TargetAet=target)
        (message,) = messages(archive, "edge_jobs")
        with pytest.raises(Killed):
            run(archive, message)
        for one in data_sets[:2]:
            _keep(archive, one, aet, clock.now())
        dying()
        deaths()
        ended = run(archive, message)
    assert (ended.state, ended.error_details) == (JobState.SUCCESS, "")
    assert held.asked == asked
    listing = [STUDY_ROOT_FIND, "release"] if target != "OTHER" else []
    assert held.talks == [STUDY_ROOT_MOVE, *listing, STUDY_ROOT_MOVE, "release"]
    whole = [str(one.SOPInstanceUID) for one in data_sets]
    assert held.sent == [*whole, *(whole if asked[1][0] == "STUDY" else whole[2:])]


_MIXED = [*slices(1, 2), *slices(2, 2, SOPClassUID=_RARE), *slices(3, 2)]
_COMPRESSED = [*slices(1, 1), *slices(2, 2, "JPEG2000.dcm")]


@pytest.mark.parametrize(
    ("data_sets", "options", "retrievals"),
    [
        pytest.param(_MIXED, {}, 2, id="a class there was no room for"),
        pytest.param(_MIXED, {"of": _PATIENT}, 2, id="of a patient"),
        pytest.param(
            _MIXED, {"stops_at_failures": True}, 3, id="of an archive that stops at failures"
        ),
        pytest.param(
            _MIXED,
            {"stops_at_failures": True, "tells_classes": False},
            None,
            id="of one that tells no classes",
        ),
        pytest.param(_COMPRESSED, {}, 2, id="what it does not decompress"),
        pytest.param(_MIXED, {"is_searchable": False}, 2, id="of one that does not list instances"),
    ],
)
def test_what_failed_comes_by_other_contexts(
    archive: Archive,
    data_sets: list[pydicom.Dataset],
    options: dict[str, Any],
    retrievals: int | None,
) -> None:
    what = options.get("of", {})
    traits = {name: value for name, value in options.items() if name != "of"}
    with holder(data_sets, **traits) as (port, held):
        retrieve(archive, port, **what)
        (message,) = messages(archive, "edge_jobs")
        ended = run(archive, message)
    assert (ended.state, ended.error_details) == (JobState.SUCCESS, "")
    assert here(archive, held) == {str(one.SOPInstanceUID) for one in data_sets}
    (told,) = ended.content["Details"]
    assert (told["DimseErrorStatus"], len(told["ReceivedInstancesIds"])) == (0, len(data_sets))
    if retrievals is not None:
        assert len(held.asked) == retrievals


@pytest.mark.parametrize(
    ("count", "state"),
    [
        pytest.param(2, JobState.FAILURE, id="nothing else of its class is listed"),
        pytest.param(1, JobState.SUCCESS, id="it comes with the series of another"),
    ],
)
def test_what_failed_and_is_not_listed_is_not_forgotten(
    archive: Archive, count: int, state: JobState
) -> None:
    rare = [str(one.SOPInstanceUID) for one in _MIXED[2:4]]
    with holder(_MIXED, unlisted=rare[:count]) as (port, held):
        retrieve(archive, port)
        (message,) = messages(archive, "edge_jobs")
        ended = run(archive, message)
    (told,) = ended.content["Details"]
    assert ended.state is state
    if state is JobState.FAILURE:
        assert told["DimseErrorStatus"] == 0xB000
        assert told["FailedSOPInstanceUIDList"] == rare
        assert told["NumberOfFailedSuboperations"] == 2
    assert len(here(archive, held)) == len(told["ReceivedInstancesIds"])
    assert len(here(archive, held)) == (4 if state is JobState.FAILURE else 6)


def test_an_association_is_not_left_open_while_another_lists(archive: Archive) -> None:
    """Archives end one that is silent for long, and some take one at a time."""
    with holder(_MIXED) as (port, held):
        retrieve(archive, port)
        (message,) = messages(archive, "edge_jobs")
        assert run(archive, message).state is JobState.SUCCESS
    talks = (STUDY_ROOT_GET, STUDY_ROOT_FIND, STUDY_ROOT_GET)
    assert held.talks == [said for uid in talks for said in (uid, "release")]


def _without_series(answer: Dataset) -> None:
    answer.pop("SeriesInstanceUID", None)


def _with_a_blank(answer: Dataset) -> None:
    if answer.get("SOPClassUID") == _RARE:
        answer.SOPInstanceUID = ""


@pytest.mark.parametrize("spoil", [_without_series, _with_a_blank])
def test_answers_without_unique_keys_are_no_list(
    archive: Archive, spoil: Callable[[Dataset], None]
) -> None:
    data_sets = [*slices(1, 1), *slices(2, 1, SOPClassUID=_RARE)]
    with holder(data_sets, spoil=spoil) as (port, held):
        retrieve(archive, port)
        (message,) = messages(archive, "edge_jobs")
        ended = run(archive, message)
    assert (ended.state, ended.error_details) == (JobState.SUCCESS, "")
    assert held.asked == [("STUDY", 1)] * 2
    assert len(here(archive, held)) == 2


def test_answers_that_cannot_be_read_are_no_list(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise BadFileFormat("it ends too early")

    monkeypatch.setattr("dimse_edge.scu.holdings.answer_json", fail)
    with holder(_MIXED) as (port, held):
        retrieve(archive, port)
        (message,) = messages(archive, "edge_jobs")
        ended = run(archive, message)
    assert (ended.state, ended.error_details) == (JobState.SUCCESS, "")
    assert held.asked == [("STUDY", 1)] * 2


def test_a_patient_id_is_no_wildcard(archive: Archive) -> None:
    """C-FIND answers `12*` with other patients too: their images were not asked for."""
    mine = [
        *slices(1, 1, PatientID="12*"),
        *slices(2, 1, SOPClassUID=_RARE, PatientID="12*"),
    ]
    others = slices(3, 2, PatientID="123", StudyInstanceUID=f"{STUDY}.3")
    with holder([*mine, *others]) as (port, held):
        retrieve(archive, port, Level="Patient", Queries=[{"0010,0020": "12*"}])
        (message,) = messages(archive, "edge_jobs")
        ended = run(archive, message)
    assert (ended.state, ended.error_details) == (JobState.SUCCESS, "")
    assert here(archive, held) == {str(one.SOPInstanceUID) for one in mine}


def test_what_may_not_come_is_told(archive: Archive) -> None:
    """The others come though the archive stops at the first that it cannot send."""
    configuration = archive.configuration.model_copy(update={"rejected_sop_classes": (_RARE,)})
    archive = replace(archive, configuration=configuration, followed=Followed())
    with holder(_MIXED, stops_at_failures=True) as (port, held):
        retrieve(archive, port)
        (message,) = messages(archive, "edge_jobs")
        ended = run(archive, message)
    assert ended.state is JobState.FAILURE
    (told,) = ended.content["Details"]
    rare = [str(one.SOPInstanceUID) for one in _MIXED[2:4]]
    assert told["FailedSOPInstanceUIDList"] == rare
    assert told["NumberOfFailedSuboperations"] == 2
    assert len(here(archive, held)) == 4
