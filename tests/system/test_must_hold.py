"""Promises under stress: duplicates, reordering, kills, conflicts, slow and stopped indexing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from nephele.aws import clock, object_metadata
from nephele.aws.keys import RAW, InstanceKey
from nephele.domain.levels import Level
from nephele.domain.provenance import Origin, Provenance
from tests.stack import Stack, running_stack
from tests.system.senders import Study, finish, make_study, send, storescu
from tests.system.test_spine import objects_of

JPEG_2000 = "1.2.840.10008.1.2.4.91"
_QUIET = {
    "duplicate": 0.0,
    "reorder": False,
    "delay_seconds": 0.0,
    "kill": 0.0,
    "conflict": 0.0,
    "s3_get_ms": 0.0,
    "retry_seconds": None,
    "paused": (),
    "rates": {},
}


@pytest.fixture(scope="module")
def rough(tmp_path_factory: pytest.TempPathFactory, assemblies: Path) -> Iterator[Stack]:
    """Run a stack of its own whose calls to AWS pass the proxy.

    What comes compressed is transcoded with loss.
    """
    data = tmp_path_factory.mktemp("rough")
    configuration = {
        "StableAge": 2,
        "IngestTranscoding": JPEG_2000,
        "IngestTranscodingOfUncompressed": False,
    }
    with running_stack(data, assemblies, "--proxy", configuration=configuration) as running:
        yield running


@pytest.fixture
def quiet(rough: Stack) -> Iterator[Stack]:
    """Put all switches back when a test is over, however it ends."""
    yield rough
    rough.switch(**_QUIET)


def statistics(stack: Stack) -> dict[str, int]:
    with stack.rest() as rest:
        shown = rest.get("/statistics").json()
    return {name: shown[name] for name in shown if name.startswith("Count")}


def exactly(stack: Stack, folder: Path, instances: int) -> None:
    """Send over four associations while everything goes wrong; exactly that must be there."""
    before = statistics(stack)
    studies = [make_study(folder / str(n), instances // 4) for n in range(4)]
    stack.switch(duplicate=0.3, reorder=True, delay_seconds=0.5, kill=0.1, retry_seconds=1)
    for sender in [storescu(stack, study.files) for study in studies]:
        finish(sender, 1200)
    stack.switch(**_QUIET | {"retry_seconds": 1})
    stack.wait_idle(300)
    ids = set().union(*(study.instance_ids for study in studies))
    with stack.rest() as rest:
        for study in studies:
            shown = rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}/instances?expand=false")
            assert set(shown.json()) == study.instance_ids
        assert ids <= set(rest.get("/instances").json())
        assert rest.get("/dead-letters").json() == []
    assert len(objects_of(stack, ids)) == len(ids)
    after = statistics(stack)
    assert {name: after[name] - before[name] for name in after} == {
        "CountPatients": 4,
        "CountStudies": 4,
        "CountSeries": 4,
        "CountInstances": len(ids),
    }


def test_nothing_is_lost_or_doubled_when_workers_die(quiet: Stack, tmp_path: Path) -> None:
    exactly(quiet, tmp_path, 300)


def test_what_was_made_with_loss_is_made_once(rough: Stack, tmp_path: Path) -> None:
    """Each lossy result would be a new instance: what comes again is known by what it came as."""
    dataset = pydicom.dcmread(get_testdata_file("MR_small_RLE.dcm", download=False))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    uid = dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.save_as(tmp_path / "rle.dcm")
    shown = []
    for _ in range(2):
        send(rough, [tmp_path / "rle.dcm"], "-xr")
        rough.wait_idle()
        with rough.rest() as rest:
            query = {"Level": "Instance", "Query": {"StudyInstanceUID": dataset.StudyInstanceUID}}
            shown.append(rest.post("/tools/find", json=query | {"Expand": True}).json())
    assert shown[0] == shown[1]
    (instance,) = shown[0]
    assert instance["MainDicomTags"]["SOPInstanceUID"] != uid
    with rough.rest() as rest:
        told = rest.get(f"/instances/{instance['ID']}/metadata/TransferSyntax")
    assert told.text == JPEG_2000
    assert len(objects_of(rough, {instance["ID"]})) == 1


@pytest.mark.soak
def test_nothing_is_lost_or_doubled_in_a_long_run(quiet: Stack, tmp_path: Path) -> None:
    exactly(quiet, tmp_path, 2000)


def test_a_reader_of_changes_misses_nothing(quiet: Stack, tmp_path: Path) -> None:
    studies = [make_study(tmp_path / str(n), 10) for n in range(8)]
    writers_done = threading.Event()
    with quiet.rest() as rest:
        start = rest.get("/changes?last").json()["Last"]

    def read() -> list[dict[str, object]]:
        seen: list[dict[str, object]] = []
        last = start
        with quiet.rest() as rest:
            while True:
                was_done = writers_done.is_set()
                page = rest.get(f"/changes?since={last}&limit=7").json()
                seen += page["Changes"]
                last = page["Last"]
                if was_done and page["Done"] and not page["Changes"]:
                    return seen

    def write(study: Study) -> None:
        with quiet.rest() as rest:
            for file in study.files:
                answer = rest.post("/instances", content=file.read_bytes())
                assert answer.status_code == 200, answer.text

    quiet.switch(conflict=0.3)
    with ThreadPoolExecutor(9) as pool:
        reader = pool.submit(read)
        try:
            list(pool.map(write, studies))
        finally:
            writers_done.set()
        seen = reader.result(120)
    numbers = [change["Seq"] for change in seen]
    assert numbers == list(range(start + 1, start + 1 + len(numbers)))
    new = [change["ID"] for change in seen if change["ChangeType"] == "NewInstance"]
    assert sorted(new) == sorted(set().union(*(study.instance_ids for study in studies)))
    for kind, level in (("NewSeries", Level.SERIES), ("NewPatient", Level.PATIENT)):
        ids = [change["ID"] for change in seen if change["ChangeType"] == kind]
        assert sorted(ids) == sorted(study.orthanc_id(level) for study in studies)


@pytest.mark.parametrize("reorder", [False, True], ids=["in-order", "reordered"])
def test_two_contents_under_one_uid_have_one_winner(
    quiet: Stack, tmp_path: Path, *, reorder: bool
) -> None:
    one = make_study(tmp_path / "one", 6)
    other = tmp_path / "other"
    other.mkdir()
    for file in one.files:
        dataset = pydicom.dcmread(file)
        dataset.SeriesDescription = "the other content"
        dataset.save_as(other / file.name)
    quiet.switch(reorder=reorder, delay_seconds=1.0)
    senders = [storescu(quiet, one.files), storescu(quiet, sorted(other.iterdir()))]
    for sender in senders:
        finish(sender)
    quiet.switch(**_QUIET)
    quiet.wait_idle()
    with quiet.rest() as rest:
        aside = [v for v in rest.get("/versions-aside").json() if v["ID"] in one.instance_ids]
        shown = rest.get(f"/studies/{one.orthanc_id(Level.STUDY)}/instances?expand=false").json()
        assert set(shown) == one.instance_ids
        assert {version["ID"] for version in aside} == one.instance_ids
        assert len(aside) == len(one.instance_ids)
        for version in aside:  # the earliest reception stands, whatever the order of events
            resource = rest.get(f"/instances/{version['ID']}").json()
            assert resource["FileUuid"] != version["FileUuid"]
    keys = objects_of(quiet, one.instance_ids)
    assert len(keys) == 2 * len(one.instance_ids)


def test_responses_slow_down_with_the_backlog(quiet: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 1500)
    quiet.switch(rates={"index": 50})
    started = time.monotonic()
    send(quiet, study.files)
    seconds = time.monotonic() - started
    with quiet.rest() as rest:
        shown = rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}/instances?expand=false")
        assert set(shown.json()) == study.instance_ids
    assert seconds > 15, f"1,500 instances at 50/s were accepted within {seconds:.0f} s"


def test_nothing_hangs_or_is_lost_while_indexing_is_stopped(quiet: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 400)
    quiet.switch(paused=["index"])
    send(quiet, study.files)
    with quiet.rest() as rest:
        assert rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}").status_code == 404
        quiet.switch(paused=[])
        quiet.wait_idle()
        shown = rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}/instances?expand=false")
        assert set(shown.json()) == study.instance_ids


def test_what_fell_through_is_found(quiet: Stack, tmp_path: Path) -> None:
    """An event that never came, and a poisoned object: the first is repaired, the second listed."""
    study = make_study(tmp_path / "study", 2)
    send(quiet, study.files)
    (key, *_) = objects_of(quiet, {study.orthanc_id(Level.INSTANCE)})
    s3 = quiet.client("s3")
    bucket = next(
        b["Name"]
        for b in s3.list_buckets()["Buckets"]
        if any(
            item["Key"] == key
            for item in s3.list_objects_v2(Bucket=b["Name"], Prefix=key).get("Contents", [])
        )
    )
    quiet.switch(retry_seconds=0)
    poisoned = "dicom/00/" + "-".join(["00000000"] * 5) + "/poison"
    s3.put_object(Bucket=bucket, Key=poisoned, Body=b"junk" * 100)
    quiet.wait_idle()
    with quiet.rest() as rest:
        (letter,) = [x for x in rest.get("/dead-letters").json() if x["ObjectKey"] == poisoned]
        assert "BadFileFormat" in letter["Reason"]
        assert rest.get(f"/dead-letters/{letter['ID']}/file").content == b"junk" * 100
        good = study.files[0].read_bytes()
        s3.delete_object(Bucket=bucket, Key=poisoned)
        assert rest.post(f"/dead-letters/{letter['ID']}/retry").status_code == 200
        quiet.wait_idle()
        assert [x for x in rest.get("/dead-letters").json() if x["ObjectKey"] == poisoned] == []
        assert rest.post("/instances", content=good).json()["Status"] == "AlreadyStored"


def test_what_a_dead_worker_had_in_hand_is_given_to_the_next_one_soon(
    quiet: Stack, tmp_path: Path
) -> None:
    """Left to the queue it would stay away for 90 minutes."""
    study = make_study(tmp_path / "study", 1)
    (orthanc_id,) = study.instance_ids
    s3 = quiet.client("s3")
    (bucket,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if "-bucket" in one["Name"])
    raw = str(InstanceKey(RAW, orthanc_id, clock.new_uuid()))
    metadata = object_metadata.encode(Provenance(Origin.DICOM_PROTOCOL, clock.now()), "", None)
    quiet.reset_figures()
    quiet.switch(s3_get_ms=3000.0)
    s3.put_object(Bucket=bucket, Key=raw, Body=study.files[0].read_bytes(), Metadata=metadata)
    deadline = time.monotonic() + 60
    while not _is_held(quiet):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    quiet.kill_workers("transcode")
    quiet.switch(s3_get_ms=0.0)
    assert objects_of(quiet, study.instance_ids) == [raw]
    quiet.wait_idle(60)
    assert quiet.status()["functions"]["transcode"]["errors"] == 1
    with quiet.rest() as rest:
        file = rest.get(f"/instances/{orthanc_id}/file", follow_redirects=True).content
    assert file == study.files[0].read_bytes()


def _is_held(stack: Stack) -> bool:
    """Tell whether the transcode function has said that it is at work on its message."""
    function = stack.status()["aws"].get("transcode", {"calls": ()})
    return "sqs.ChangeMessageVisibility" in function["calls"]


def test_stable_events_come_after_stable_age(quiet: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 2)
    with quiet.rest() as rest:
        last = rest.get("/changes?last").json()["Last"]
        send(quiet, study.files)
        stable = study.orthanc_id(Level.STUDY)
        deadline = time.monotonic() + 60
        kinds: set[str] = set()
        while "StableStudy" not in kinds and time.monotonic() < deadline:
            page = rest.get(f"/changes?since={last}&limit=1000").json()
            kinds = {c["ChangeType"] for c in page["Changes"] if c["ID"] == stable}
        assert "StableStudy" in kinds
        assert rest.get(f"/studies/{stable}").json()["IsStable"] is True
