"""`AutoForward`: what arrives goes on by the rules, once, and never back."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from nephele.aws.index import HEADER_LIMIT_BYTES
from nephele.domain.levels import Level
from nephele.domain.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, RLE_LOSSLESS
from tests.edge.conftest import tool
from tests.stack import Stack, running_stack
from tests.system.senders import make_study, send, wait_for_edge
from tests.system.test_spine import objects_of
from tests.unit.conftest import dicom_file

AETS = ("NEPHELE_ONE", "NEPHELE_TWO")
_LOOK_AGAIN_SECONDS = 0.2


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, assemblies: Path
) -> Iterator[tuple[Stack, Stack]]:
    """Two Nepheles that forward CT to each other over DICOM, and MR over REST."""
    folder = tmp_path_factory.mktemp("pair")
    rules = [
        {"Modality": "CT", "ToModality": "other"},
        {
            "Modality": "M*",
            "Tags": {"Manufacturer": "toshiba*"},
            "ToPeer": "other",
            "Transcode": RLE_LOSSLESS,
        },
        {"Modality": "NM", "ToPeer": "other", "Transcode": EXPLICIT_VR_LITTLE_ENDIAN},
        {"Modality": "XA", "Tags": {"KVP": "120*"}, "ToPeer": "other"},
    ]
    with ExitStack() as stacks:
        one, two = (
            stacks.enter_context(
                running_stack(
                    folder / aet,
                    assemblies,
                    configuration={
                        "DicomAet": aet,
                        "AutoForward": rules,
                        "DicomAlwaysAllowMove": True,
                        "SynchronousCMove": False,
                        "PeersAllowedAddresses": ["127.0.0.0/8"],
                    },
                )
            )
            for aet in AETS
        )
        for own, other, aet in ((one, two, AETS[1]), (two, one, AETS[0])):
            with own.rest() as rest:
                host, port = other.dicom_address
                assert rest.put("/modalities/other", json=[aet, host, port]).is_success
                assert rest.put("/peers/other", json=[other.http]).is_success
        yield one, two


def _wait_until(is_true: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            pytest.fail("it does not come to pass")
        time.sleep(_LOOK_AGAIN_SECONDS)


def _forwards(stack: Stack) -> list[dict[str, object]]:
    with stack.rest() as rest:
        jobs = rest.get("/jobs?expand").json()
    return [job for job in jobs if job["Content"].get("Description") == "AutoForward"]


def _new_instances(stack: Stack) -> int:
    with stack.rest() as rest:
        changes = rest.get("/changes?limit=0").json()["Changes"]
    return sum(change["ChangeType"] == "NewInstance" for change in changes)


def _is_at_rest(stack: Stack) -> bool:
    stack.wait_idle()
    return all(job["State"] == "Success" for job in _forwards(stack))


def test_two_that_forward_to_each_other_come_to_rest(
    pair: tuple[Stack, Stack], tmp_path: Path
) -> None:
    one, two = pair
    study = make_study(tmp_path / "study", 12)
    before = [_new_instances(stack) for stack in pair]
    send(one, study.files, "-aet", "SCANNER")
    _wait_until(lambda: _ids(two, study.orthanc_id(Level.STUDY)) == study.instance_ids)
    _wait_until(lambda: all(_is_at_rest(stack) for stack in pair))
    assert [_new_instances(stack) for stack in pair] == [count + 12 for count in before]
    assert _forwards(two) == [], "nothing goes back to where it came from"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("MR_small.dcm", RLE_LOSSLESS), ("JPEG2000.dcm", EXPLICIT_VR_LITTLE_ENDIAN)],
    ids=["compressed on the way", "decompressed on the way, as the Orthanc Book's buffer does"],
)
def test_peers_take_and_come_to_rest(pair: tuple[Stack, Stack], name: str, expected: str) -> None:
    one, two = pair
    path = Path(str(get_testdata_file(name, download=False)))
    with one.rest() as rest:
        stored = rest.post("/instances", content=path.read_bytes()).json()
    _wait_until(lambda: _new_instance_of(two, stored["ID"]))
    for stack in pair:
        _wait_until(lambda stack=stack: _is_at_rest(stack))
    with two.rest() as rest:
        syntax = rest.get(f"/instances/{stored['ID']}/metadata/TransferSyntax").text
        file = rest.get(f"/instances/{stored['ID']}/file").content
    assert syntax == expected
    received = pydicom.dcmread(pydicom.filebase.DicomBytesIO(file))
    assert (received.pixel_array == pydicom.dcmread(path).pixel_array).all()


def _long_header() -> bytes:
    """Return an instance whose header is too long for a row of the index."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    dataset.Modality, dataset.KVP = "XA", "120"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    block = dataset.private_block(0x0009, "NEPHELE", create=True)
    block.add_new(1, "OB", os.urandom(2 * HEADER_LIMIT_BYTES))
    return _encoded(dataset)


def _encoded(dataset: pydicom.Dataset) -> bytes:
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def test_a_tag_of_a_long_header_is_read_of_the_object(pair: tuple[Stack, Stack]) -> None:
    one, two = pair
    with one.rest() as rest:
        stored = rest.post("/instances", content=_long_header()).raise_for_status().json()
    _wait_until(lambda: _new_instance_of(two, stored["ID"]))
    for stack in pair:
        _wait_until(lambda stack=stack: _is_at_rest(stack))


def test_what_is_gone_before_it_goes_on_stops_nothing(pair: tuple[Stack, Stack]) -> None:
    """Its object is removed while the tag of a rule is looked for there."""
    one, _ = pair
    before = len(_forwards(one)), _new_instances(one), _errors(one)
    one.switch(paused=["metadata"])
    try:
        with one.rest() as rest:
            stored = rest.post("/instances", content=_long_header()).raise_for_status().json()
        s3 = one.client("s3")
        (key,) = objects_of(one, {stored["ID"]})
        (bucket,) = (b["Name"] for b in s3.list_buckets()["Buckets"] if "-bucket" in b["Name"])
        s3.delete_object(Bucket=bucket, Key=key)
    finally:
        one.switch(paused=[])
    _wait_until(lambda: _new_instances(one) == before[1] + 1)
    one.wait_idle()
    assert (len(_forwards(one)), _errors(one)) == (before[0], before[2])
    with one.rest() as rest:
        rest.delete(f"/instances/{stored['ID']}").raise_for_status()


def _errors(stack: Stack) -> int:
    return int(stack.status()["functions"]["metadata"]["errors"])


def test_what_cannot_be_delivered_waits(pair: tuple[Stack, Stack], tmp_path: Path) -> None:
    one, two = pair
    study = make_study(tmp_path / "study", 5)
    with one.rest() as rest:
        host, port = two.dicom_address
        assert rest.put("/modalities/other", json=[AETS[1], host, 1]).is_success
        send(one, study.files, "-aet", "SCANNER")
        _wait_until(lambda: any("LastError" in job["Content"] for job in _forwards(one)))
        one.kill_edge()
        assert rest.put("/modalities/other", json=[AETS[1], host, port]).is_success
    wait_for_edge(one)
    _wait_until(lambda: _ids(two, study.orthanc_id(Level.STUDY)) == study.instance_ids)
    _wait_until(lambda: _is_at_rest(one))


def test_an_asynchronous_move_survives_its_edge(pair: tuple[Stack, Stack]) -> None:
    one, two = pair
    study, series = generate_uid(), generate_uid()
    files = [
        dicom_file(
            Modality="OT",  # no rule forwards it
            PatientID=study[-16:],
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            SOPInstanceUID=generate_uid(),
        )
        for _ in range(200)
    ]
    before = _new_instances(two)
    with one.rest() as rest:
        stored = [rest.post("/instances", content=file).raise_for_status().json() for file in files]
        known = set(rest.get("/jobs").json())
        host, port = one.dicom_address
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")
        command = [tool("movescu"), "-S", "-aem", AETS[1], *keys, host, str(port)]
        subprocess.run(command, check=True, timeout=60)
        (job,) = set(rest.get("/jobs").json()) - known
        _wait_until(lambda: rest.get(f"/jobs/{job}").json()["Progress"] > 0)
        one.kill_edge()
        assert rest.get(f"/jobs/{job}").json()["State"] == "Running", "it was killed too late"
        _wait_until(lambda: rest.get(f"/jobs/{job}").json()["State"] == "Success", 180)
    wait_for_edge(one)
    _wait_until(lambda: _ids(two, stored[0]["ParentStudy"]) == {item["ID"] for item in stored})
    two.wait_idle()
    assert _new_instances(two) == before + len(files), "each has come exactly once"


def _ids(stack: Stack, study: str) -> set[str]:
    with stack.rest() as rest:
        answer = rest.get(f"/studies/{study}/instances?expand=false")
        return set(answer.json()) if answer.is_success else set()


def _new_instance_of(stack: Stack, instance: str) -> bool:
    with stack.rest() as rest:
        return rest.get(f"/instances/{instance}").is_success
