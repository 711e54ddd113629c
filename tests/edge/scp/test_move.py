"""C-MOVE at the edge: what is asked for is sent to a third party."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from bench.edge import free_port
from dimse_edge.executor import load_kind
from dimse_edge.scp.responses import send_outcome
from nephele.aws import clients
from nephele.domain.attributes import IDENTIFIERS
from nephele.domain.jobs import JobState
from nephele.domain.levels import Level
from nephele.domain.resources import Resource
from nephele.domain.sop_classes import STUDY_ROOT_MOVE
from nephele.errors import BadFileFormat
from nephele.services.archive import Archive
from nephele.services.jobs.control import get_job, list_jobs
from nephele.services.jobs.engine import run_message
from nephele.services.outgoing import iter_outgoing
from nephele.services.outgoing_instance import Outgoing, read_outgoing
from tests.edge.scp.conftest import (
    SECONDS,
    TWICE,
    StartInner,
    Target,
    abort,
    archived,
    cut,
    run,
    target,
)
from tests.edge.scp.test_find import identifier
from tests.edge.scp.test_get import CT, SC

NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]
ALL = {CT: [ExplicitVRLittleEndian], SC: NATIVE}
_DEAD = {"dead": ["DEAD", "127.0.0.1", 1]}


@contextmanager
def moving(start: StartInner, peer: Target, **options: Any) -> Iterator[Association]:
    modalities = {"b": ["TARGET", "127.0.0.1", peer.port], "c": ["TARGET", "127.0.0.1", 1], **_DEAD}
    entity = AE("MOVER")
    entity.add_requested_context(STUDY_ROOT_MOVE)
    edge = start(DicomModalities=modalities, **options)
    association = entity.associate("127.0.0.1", edge.port)
    assert association.is_established
    yield association
    association.release()


def move(
    association: Association, keys: Dataset, to: str = "TARGET"
) -> tuple[list[int], list[tuple[int, ...]], list[str], str]:
    """Return the statuses, the counts, what is listed as failed, and the last comment."""
    statuses, counts, failed, comment = [], [], [], ""
    for response, found in association.send_c_move(keys, to, STUDY_ROOT_MOVE, msg_id=7):
        statuses.append(response.Status)
        counts.append(counts_of(response))
        comment = response.get("ErrorComment", "")
        if found:
            named = found.FailedSOPInstanceUIDList
            failed = [str(named)] if isinstance(named, str) else [str(one) for one in named]
    return statuses, counts, failed, comment


def counts_of(response: Dataset) -> tuple[int, ...]:
    """Return how many remain, are completed, failed, and completed with a warning."""
    names = ("Remaining", "Completed", "Failed", "Warning")
    values = (response.get(f"NumberOf{name}Suboperations") for name in names)
    return tuple(value for value in values if value is not None)


def test_all_of_a_study(start: StartInner) -> None:
    with target(ALL) as peer, moving(start, peer) as association:
        keys = identifier("STUDY", StudyInstanceUID="1.2.840.99.1")
        statuses, counts, failed, _ = move(association, keys, "target")
    assert statuses == [0xFF00, 0xFF00, 0x0000]
    assert counts == [(2, 1, 0, 0), (1, 2, 0, 0), (0, 3, 0, 0)]
    assert not failed
    assert peer.uids == [f"1.2.840.99.1.1.{number}" for number in (1, 2, 3)]
    assert {one.originator for one in peer.received} == {("MOVER", 7)}


def test_what_is_held_back_comes_before_the_outcome(
    start: StartInner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dimse_edge.scp.responses._HELD_BACK_SECONDS", 3600.0)
    with target(ALL) as peer, moving(start, peer) as association:
        statuses, counts, *_ = move(association, identifier("PATIENT", PatientID="P1\\P2"))
    assert statuses == [0xFF00] * 4 + [0x0000]
    assert counts == [(5 - n, n, 0, 0) for n in range(1, 6)]


def test_the_outcome_comes_after_the_release(
    start: StartInner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A destination may index the last instances no earlier than when it is released."""
    with target(ALL) as peer, moving(start, peer) as association:
        releases = []

        def noted(*arguments: Any) -> None:
            releases.append(peer.releases)
            send_outcome(*arguments)

        monkeypatch.setattr("dimse_edge.scp.move.send_outcome", noted)
        statuses, *_ = move(association, identifier("PATIENT", PatientID="P1"))
    assert statuses == [0xFF00, 0xFF00, 0x0000]
    assert releases == [1]


def test_one_study_uid_under_two_patients(start: StartInner) -> None:
    with target(ALL) as peer, moving(start, peer) as association:
        statuses, *_ = move(association, identifier("STUDY", StudyInstanceUID=TWICE))
    assert statuses[-1] == 0x0000
    assert sorted(str(one.data_set.PatientID) for one in peer.received) == ["P7", "P8"]


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        pytest.param({"level": "PATIENT", "PatientID": "p1\\P2\\P99"}, 5, id="several patients"),
        pytest.param({"level": "STUDY", "AccessionNumber": "a1"}, 3, id="an accession number"),
        pytest.param({"level": "IMAGE", "SOPInstanceUID": "1.2.840.99.1.1.2"}, 1, id="an instance"),
        pytest.param({"level": "", "SeriesInstanceUID": "1.2.840.99.2.1"}, 2, id="no level"),
    ],
)
def test_identifiers(start: StartInner, keys: dict[str, str], count: int) -> None:
    values = {name: value for name, value in keys.items() if name != "level"}
    with target(ALL) as peer, moving(start, peer) as association:
        statuses, *_ = move(association, identifier(keys["level"], **values))
    assert statuses[-1] == 0x0000
    assert len(peer.received) == count


@pytest.mark.parametrize(
    ("keys", "to"),
    [
        pytest.param({"PatientID": "P1"}, "NOBODY", id="an unknown destination"),
        pytest.param({"PatientID": "P99"}, "TARGET", id="nothing there"),
        pytest.param({"StudyDate": "20200101"}, "TARGET", id="no identifier"),
    ],
)
def test_what_cannot_be_moved(start: StartInner, keys: dict[str, str], to: str) -> None:
    with target(ALL) as peer, moving(start, peer) as association:
        statuses, _, _, comment = move(association, identifier("PATIENT", **keys), to)
        assert statuses == [0xC000]
        assert comment
        assert move(association, identifier("PATIENT", PatientID="P2"))[0][-1] == 0x0000
    assert len(peer.received) == 2


def test_failures_do_not_end_the_others(start: StartInner) -> None:
    with target(ALL) as peer, moving(start, peer) as association:
        peer.statuses = [0x0000, 0xA700, 0x0000]
        statuses, counts, failed, _ = move(association, identifier("PATIENT", PatientID="P1"))
        assert statuses == [0xFF00, 0xFF00, 0xB000]
        assert counts[-1] == (0, 2, 1, 0)
        assert failed == ["1.2.840.99.1.1.2"]
        peer.statuses = [0xB007, 0x0000, 0x0000]
        statuses, counts, failed, _ = move(association, identifier("PATIENT", PatientID="P1"))
        assert (statuses[-1], counts[-1], failed) == (0xB000, (0, 2, 0, 1), [])
        peer.statuses = [0xC000] * 3
        statuses, counts, failed, _ = move(association, identifier("PATIENT", PatientID="P1"))
        assert (statuses[-1], counts[-1], len(failed)) == (0xA702, (0, 0, 3, 0), 3)


def test_destination_that_cannot_be_reached(start: StartInner) -> None:
    with target(ALL) as peer, moving(start, peer) as association:
        keys = identifier("PATIENT", PatientID="P1\\P2")
        statuses, counts, failed, _ = move(association, keys, "DEAD")
    assert statuses == [0xFF00, 0xFF00, 0xA702]
    assert counts == [(4, 0, 1, 0), (3, 0, 2, 0), (0, 0, 5, 0)], "no pending one of the rest"
    assert len(failed) == 5


def test_class_that_the_destination_does_not_take(start: StartInner) -> None:
    with target({CT: [ExplicitVRLittleEndian]}) as peer, moving(start, peer) as association:
        keys = identifier("PATIENT", PatientID="P2\\P3")
        statuses, counts, failed, _ = move(association, keys)
    assert (statuses[-1], counts[-1]) == (0xB000, (0, 2, 1, 0))
    assert failed == ["1.2.840.99.3.1.1"]


def test_destination_that_takes_uncompressed_ones_alone(start: StartInner) -> None:
    with target(ALL) as peer, moving(start, peer) as association:
        statuses, *_ = move(association, identifier("PATIENT", PatientID="P3"))
        assert statuses == [0x0000]
    (only,) = peer.received
    assert only.transfer_syntax in NATIVE
    assert len(only.data_set.PixelData) == only.data_set.Rows * only.data_set.Columns * 2
    assert only.data_set.SOPInstanceUID == "1.2.840.99.3.1.1"


@pytest.mark.parametrize("breaks", [abort, cut])
@pytest.mark.parametrize("breaks_at", [1, 2, 3])
def test_association_that_breaks_is_opened_again(
    start: StartInner, breaks: Callable[[Any], None], breaks_at: int
) -> None:
    with target(ALL) as peer, moving(start, peer) as association:
        peer.breaks, peer.breaks_at = breaks, breaks_at
        statuses, counts, failed, _ = move(association, identifier("PATIENT", PatientID="P1"))
    assert statuses == [0xFF00, 0xFF00, 0x0000]
    assert (counts[-1], failed) == ((0, 3, 0, 0), [])
    numbers = sorted([1, 2, 3, breaks_at])
    assert peer.uids == [f"1.2.840.99.1.1.{number}" for number in numbers]
    before, after = (
        {one.association for one in some}
        for some in (peer.received[:breaks_at], peer.received[breaks_at:])
    )
    assert (len(before), len(after), before & after) == (1, 1, set())


def test_works_ahead(start: StartInner, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the destination has the second one, the first is told of and the third is read."""
    is_third_read, go_on, is_gone_on = threading.Event(), threading.Event(), threading.Event()

    def iter_watched(*arguments: Any) -> Iterator[Outgoing]:
        for number, outgoing in enumerate(iter_outgoing(*arguments), start=1):
            if number == 3:
                is_third_read.set()
            yield outgoing

    def hold() -> None:
        if len(peer.received) == 1:
            go_on.wait(SECONDS)
            is_gone_on.set()

    monkeypatch.setattr("dimse_edge.scu.store.iter_outgoing", iter_watched)
    with target(ALL) as peer, moving(start, peer) as association:
        peer.hold = hold
        keys = identifier("PATIENT", PatientID="P1")
        responses = association.send_c_move(keys, "TARGET", STUDY_ROOT_MOVE)
        try:
            counts = counts_of(next(responses)[0])
            is_read = is_third_read.wait(SECONDS / 2)
            was_early = not is_gone_on.is_set()
        finally:
            go_on.set()
        statuses = [response.Status for response, _ in responses]
    assert (counts, is_read, was_early) == ((2, 1, 0, 0), True, True)
    assert statuses == [0xFF00, 0x0000]


@pytest.mark.parametrize(
    ("places", "last", "count", "uids"),
    [
        pytest.param(("outgoing",), 0x0000, (0, 3, 0, 0), [], id="it can be read again"),
        pytest.param(
            ("outgoing", "sender"), 0xB000, (0, 2, 1, 0), ["1.2.840.99.1.1.2"], id="it cannot"
        ),
    ],
)
def test_instance_that_cannot_be_read_ahead(
    start: StartInner,
    monkeypatch: pytest.MonkeyPatch,
    places: tuple[str, ...],
    last: int,
    count: tuple[int, ...],
    uids: list[str],
) -> None:
    modules = {"outgoing": "nephele.services.outgoing", "sender": "dimse_edge.scu.store"}
    failures = []

    def read(archive: Archive, instance: Resource, syntaxes: Sequence[str]) -> Outgoing:
        if instance.main_tags.get(IDENTIFIERS[Level.INSTANCE].tag) == "1.2.840.99.1.1.2":
            failures.append(instance.orthanc_id)
            raise BadFileFormat("it cannot be read")
        return read_outgoing(archive, instance, syntaxes)

    for place in places:
        monkeypatch.setattr(f"{modules[place]}.read_outgoing", read)
    with target(ALL) as peer, moving(start, peer) as association:
        statuses, counts, failed, _ = move(association, identifier("PATIENT", PatientID="P1"))
    assert len(failures) == len(places)
    assert (statuses[-1], counts[-1], failed) == (last, count, uids)
    assert sorted([*peer.uids, *uids]) == [f"1.2.840.99.1.1.{number}" for number in (1, 2, 3)]


def test_cancelled(start: StartInner) -> None:
    is_first, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        is_first.set()
        go_on.wait(30)

    with target(ALL) as peer, moving(start, peer) as association:
        peer.hold = hold
        answers = association.send_c_move(
            identifier("PATIENT", PatientID="P1"), "TARGET", STUDY_ROOT_MOVE, msg_id=9
        )
        assert is_first.wait(30)
        association.send_c_cancel(9, query_model=STUDY_ROOT_MOVE)
        go_on.set()
        *_, (last, _) = list(answers)
    assert last.Status == 0xFE00
    assert last.NumberOfRemainingSuboperations >= 1
    assert last.NumberOfRemainingSuboperations + len(peer.received) == 3


def test_as_a_job(start: StartInner) -> None:
    with target(ALL) as peer, moving(start, peer, SynchronousCMove=False) as association:
        keys = identifier("PATIENT", PatientID="P1")
        statuses, counts, *_ = move(association, keys)
        assert statuses == [0xFF00, 0xFF00, 0x0000]
        assert counts == [(2, 1, 0, 0), (1, 2, 0, 0), (0, 3, 0, 0)]
    assert not peer.received, "a job does it, elsewhere"


def test_a_job_is_submitted(start: StartInner) -> None:
    edge = start(DicomModalities=_DEAD, SynchronousCMove=False)
    before = set(list_jobs(edge.archive))
    code, output = run("movescu", edge.port, *_movescu("PatientID=P2"), "-aem", "DEAD")
    assert code == 0, output
    (identifier_of_job,) = set(list_jobs(edge.archive)) - before
    job = get_job(edge.archive, identifier_of_job)
    assert job.job_type == "DicomModalityStore"
    assert job.content["Description"] == "C-MOVE"
    assert job.content["InstancesCount"] == 2
    assert job.content["MoveOriginatorAET"] == "MOVESCU"
    assert job.request["Modality"]["AET"] == "DEAD"
    assert len(job.request["Resources"]) == 1


def _movescu(key: str) -> list[str]:
    return ["-P", "-k", "QueryRetrieveLevel=PATIENT", "-k", key]


def test_movescu_with_a_storescp_of_its_own(start: StartInner, tmp_path: Path) -> None:
    port = free_port()
    edge = start(DicomModalities={"self": ["SELF", "127.0.0.1", port]})
    arguments = (*_movescu("PatientID=P1\\P3"), "-aem", "SELF", "-aet", "SELF")
    code, output = run("movescu", edge.port, "+P", str(port), *arguments, cwd=tmp_path)
    assert code == 0, output
    found = [pydicom.dcmread(path) for path in tmp_path.iterdir()]
    assert sorted(str(one.PatientID) for one in found) == ["P1", "P1", "P1", "P3"]


def test_an_archived_instance(start: StartInner, stocked: Archive) -> None:
    with archived(stocked, "1.2.840.99.2.1.1") as key:
        with target(ALL) as peer, moving(start, peer) as association:
            statuses, counts, failed, comment = move(
                association, identifier("IMAGE", SOPInstanceUID="1.2.840.99.2.1.1")
            )
        head = clients.s3().head_object(Bucket=stocked.bucket.name, Key=key)
    assert (statuses, counts[-1]) == ([0xA702], (0, 0, 1, 0))
    assert failed == ["1.2.840.99.2.1.1"]
    assert comment == "archive class: restore has begun, ask again in some hours"
    assert "Restore" in head


def test_a_job_waits_for_archived_instances(start: StartInner, stocked: Archive) -> None:
    uids = ("1.2.840.99.2.1.1", "1.2.840.99.2.1.2")
    before = set(list_jobs(stocked))
    with target(ALL) as peer, moving(start, peer, SynchronousCMove=False) as association:
        with archived(stocked, uids[0]) as first, archived(stocked, uids[1]) as second:
            assert move(association, identifier("PATIENT", PatientID="P2"))[0][-1] == 0x0000
            (job,) = set(list_jobs(stocked)) - before
            work_at(stocked, job)
            for key in (first, second):
                head = clients.s3().head_object(Bucket=stocked.bucket.name, Key=key)
                assert "Restore" in head, "all are restored together"
            waiting = get_job(stocked, job)
            assert (waiting.state, waiting.error) == (JobState.RUNNING, "")
            assert not peer.received
        work_at(stocked, job)
    assert sorted(peer.uids) == list(uids)
    assert get_job(stocked, job).state is JobState.SUCCESS


def work_at(archive: Archive, identifier_of_job: str) -> None:
    """Do what the edge's executor does with a job's message."""
    turn = get_job(archive, identifier_of_job).turn
    message = {"job": identifier_of_job, "turn": turn}
    run_message(archive, message, load_kind, lambda: True)
