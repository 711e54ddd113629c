"""Nephele as a client of other archives, over REST: Orthanc and DCMTK on the other side."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pydicom
import pytest
from pydicom.uid import (
    MPEG4HP41,
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from infra.local.ports import reserve
from tests.edge.conftest import tool
from tests.edge.scu import peers as odd
from tests.stack import Stack
from tests.system.conftest import Peer
from tests.unit.conftest import dicom_file

_LOOK_AGAIN_SECONDS = 0.1
_JPEG_2000 = "JPEG2000.dcm"
_RT_DOSE_CLASS = "1.2.840.10008.5.1.4.1.1.481.2"
_CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
_RARE_CLASS = "1.2.840.10008.5.1.4.34.7"
"""RT Beams Delivery Instruction Storage: not among the 120 that are proposed first."""


def wait_until(is_true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(_LOOK_AGAIN_SECONDS)


@pytest.fixture
def rest(acquainted: Stack) -> Iterator[httpx.Client]:
    with acquainted.rest() as client:
        yield client


def files(count: int, name: str = "CT_small.dcm") -> tuple[str, list[bytes]]:
    """Return a new study: its UID, and its files."""
    study, series = generate_uid(), generate_uid()
    made = [
        dicom_file(
            name,
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            SOPInstanceUID=generate_uid(),
            InstanceNumber=str(number),
            PatientID=study[-16:],
        )
        for number in range(1, count + 1)
    ]
    return study, made


def upload(client: httpx.Client, made: list[bytes]) -> str:
    """Upload a study; return its Orthanc id."""
    for file in made:
        answer = client.post("/instances", content=file).raise_for_status().json()
    return str(answer["ParentStudy"])


def instances(client: httpx.Client, study: str) -> list[str]:
    query = {"Level": "Instance", "Query": {"StudyInstanceUID": study}}
    found: list[str] = client.post("/tools/find", json=query).raise_for_status().json()
    return found


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


# --- C-ECHO ---------------------------------------------------------------------------------


def test_echo(rest: httpx.Client, peer: Peer) -> None:
    assert ok(rest.post("/modalities/peer/echo", content=b"")) == {}
    assert ok(rest.post("/modalities/peer/echo", json={"CheckFind": True, "Timeout": 5})) == {}
    assert ok(rest.post("/tools/dicom-echo", json=peer.modality)) == {}


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (odd.accepts_and_hangs, "does not answer in time"),
        (odd.aborts, "aborted the association"),
        (odd.answers_garbage, "no DICOM"),
        (odd.refuses_contexts, "does not offer C-ECHO"),
        (odd.trickles, "does not answer in time"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_peer_that_misbehaves_is_told_about_in_words(
    rest: httpx.Client, behaviour: odd.Behaviour, reason: str
) -> None:
    with odd.peer(behaviour) as port:
        body = {"AET": "ODD", "Host": "127.0.0.1", "Port": port, "Timeout": 1}
        answer = rest.post("/tools/dicom-echo", json=body)
    assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    assert answer.json()["OrthancStatus"] == 9
    assert reason in answer.json()["Details"]


_REJECTIONS = {"calling": 3, "called": 7}


def test_doctor_says_what_to_change(acquainted: Stack, rest: httpx.Client) -> None:
    """Of who is there, who is not, and who takes the edge or the modality for somebody else."""
    with ExitStack() as peers:
        for name, reason in _REJECTIONS.items():
            port = peers.enter_context(odd.peer(odd.rejecting(reason)))
            modality = {"AET": "ODD", "Host": "127.0.0.1", "Port": port, "Timeout": 5}
            rest.put(f"/modalities/{name}", json=modality).raise_for_status()
        rest.put("/modalities/away", json=["AWAY", "127.0.0.1", 1]).raise_for_status()
        program = Path(sys.executable).with_name("nephele")
        command = [str(program), "doctor", "--url", acquainted.http]
        environment = os.environ | {"COLUMNS": "400"}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=environment
        )
    for name in (*_REJECTIONS, "away"):
        rest.delete(f"/modalities/{name}").raise_for_status()
    told = {
        name: next(line for line in done.stdout.splitlines() if f"modality {name} " in line)
        for name in ("peer", "plain", "away", *_REJECTIONS)
    }
    assert done.returncode == 1
    assert told["peer"].startswith("ok")
    assert told["plain"].startswith("ok")
    assert "connection refused" in told["away"]
    assert "Host and Port" in told["away"]
    assert "LocalAet" in told["calling"]
    assert "correct the modality's AET" in told["called"]


# --- C-STORE --------------------------------------------------------------------------------


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[list[object]]:
    """Run DCMTK's storescp; yield the modality it is."""
    port = reserve(0, "")
    folder.mkdir()
    command = [tool("storescp"), *options, "-od", str(folder), str(port)]
    with subprocess.Popen(command) as process:
        try:
            yield ["STORESCP", "127.0.0.1", port]
        finally:
            process.terminate()


def test_store_transcodes_to_what_is_taken(rest: httpx.Client, tmp_path: Path) -> None:
    _, plain = files(2)
    _, compressed = files(1, _JPEG_2000)
    studies = [upload(rest, plain), upload(rest, compressed)]
    folder = tmp_path / "received"
    with storescp(folder, "+xi") as modality:
        wait_until(lambda: rest.post("/tools/dicom-echo", json=modality).is_success)
        rest.put("/modalities/implicit", json=modality).raise_for_status()
        content = ok(rest.post("/modalities/implicit/store", json=studies))
    assert (content["InstancesCount"], content["FailedInstancesCount"]) == (3, 0)
    received = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, folder.iterdir())}
    assert len(received) == 3
    for file in (*plain, *compressed):
        source = pydicom.dcmread(io.BytesIO(file))
        target = received[source.SOPInstanceUID]
        assert target.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        assert (target.pixel_array == source.pixel_array).all()


def test_store_without_transcoding_says_why_not(rest: httpx.Client, plain_peer: Peer) -> None:
    _, compressed = files(1, _JPEG_2000)
    aet, host, port = plain_peer.modality
    long_form = {"AET": aet, "Host": host, "Port": port, "AllowTranscoding": False}
    rest.put("/modalities/strict", json=long_form).raise_for_status()
    answer = rest.post("/modalities/strict/store", json=upload(rest, compressed))
    assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    assert answer.json()["OrthancStatus"] in (9, 2015)


def test_store_straight(rest: httpx.Client, peer: Peer) -> None:
    study, (file,) = files(1)
    sent = ok(rest.post("/modalities/peer/store-straight", content=file))
    assert set(sent) == {"SOPClassUID", "SOPInstanceUID"}
    (there,) = peer.instances(study)
    received = peer.rest.get(f"/instances/{there}/file").content
    assert pydicom.dcmread(io.BytesIO(received)) == pydicom.dcmread(io.BytesIO(file))
    assert instances(rest, study) == [], "nothing is kept"


def test_others_go_on_while_a_peer_hangs(rest: httpx.Client) -> None:
    _, made = files(1)
    study = upload(rest, made)
    with odd.peer(odd.accepts_and_hangs) as port:
        rest.put("/modalities/hangs", json=["HANGS", "127.0.0.1", port]).raise_for_status()
        body = {"Resources": [study], "Asynchronous": True, "Timeout": 3}
        job = ok(rest.post("/modalities/hangs/store", json=body))
        assert ok(rest.post("/modalities/peer/echo", content=b"")) == {}
        wait_until(lambda: ok(rest.get(job["Path"]))["State"] == "Failure")
    told = ok(rest.get(job["Path"]))
    assert told["ErrorCode"] == 9
    assert "does not answer in time" in told["ErrorDetails"]


def executor_of(stack: Stack) -> psutil.Process:
    for process in psutil.Process(stack.process.pid).children(recursive=True):
        if "dimse_edge.executor" in process.cmdline():
            return process
    raise AssertionError("there is no executor")


def test_a_store_job_survives_its_executor(acquainted: Stack, peer: Peer) -> None:
    study, made = files(200)
    with acquainted.rest() as rest:
        orthanc_id = upload(rest, made)
        body = {"Resources": [orthanc_id], "Asynchronous": True}
        job = ok(rest.post("/modalities/peer/store", json=body))
        wait_until(lambda: len(peer.instances(study)) > 20)
        executor_of(acquainted).kill()
        before = len(peer.instances(study))
        wait_until(lambda: ok(rest.get(job["Path"]))["State"] == "Success", 120)
        content = ok(rest.get(job["Path"]))["Content"]
    assert before < len(made), "it was killed too late to be of interest"
    assert len(peer.instances(study)) == len(made)
    assert (content["InstancesCount"], content["FailedInstancesCount"]) == (len(made), 0)


def test_jobs_survive_the_edge(acquainted: Stack, peer: Peer) -> None:
    """What is sent and what is retrieved, when all of the edge's processes are killed at once."""
    sent, to_send = files(200)
    asked, to_ask_for = files(300)
    with acquainted.rest() as rest:
        body: dict[str, Any] = {"Resources": [upload(rest, to_send)], "Asynchronous": True}
        upload(peer.rest, to_ask_for)
        query: dict[str, Any] = {"Level": "Study", "Resources": [{"StudyInstanceUID": asked}]}
        query |= {"TargetAet": "ORTHANC", "Asynchronous": True}
        moved = ok(rest.post("/modalities/peer/move", json=query))
        wait_until(lambda: len(instances(rest, asked)) > 10)
        jobs = [ok(rest.post("/modalities/peer/store", json=body)), moved]
        wait_until(lambda: len(peer.instances(sent)) > 10)
        states = [ok(rest.get(job["Path"]))["State"] for job in jobs]
        acquainted.kill_edge()
        before = len(peer.instances(sent))
        for job in jobs:
            wait_until(lambda job=job: ok(rest.get(job["Path"]))["State"] == "Success", 180)
        content = ok(rest.get(jobs[0]["Path"]))["Content"]
        wait_until(lambda: len(instances(rest, asked)) == len(to_ask_for))
        changes = rest.get("/changes?limit=0").json()["Changes"]
        here = set(instances(rest, asked))
        (detail,) = ok(rest.get(jobs[1]["Path"]))["Content"]["Details"]
    assert set(detail["ReceivedInstancesIds"]) == here
    (told,) = logged(acquainted, "an interrupted retrieval goes on", jobs[1]["ID"])
    assert told["listed"] == len(to_ask_for)
    assert told["come"] > 10, "what has come is not asked for again"
    assert not logged(acquainted, "lists of UIDs are not understood", jobs[1]["ID"])
    assert states == ["Running", "Running"], "it was killed too late to be of interest"
    assert before < len(to_send)
    assert len(peer.instances(sent)) == len(to_send)
    assert (content["InstancesCount"], content["FailedInstancesCount"]) == (len(to_send), 0)
    new = [one["ID"] for one in changes if one["ChangeType"] == "NewInstance"]
    assert sum(one in here for one in new) == len(to_ask_for), "each has come exactly once"


def logged(stack: Stack, message: str, job: str) -> list[dict[str, Any]]:
    """Return what the edge's log tells of a job."""
    lines = (line for line in stack.log("edge").splitlines() if message in line and job in line)
    return [json.loads(line) for line in lines]


# --- C-FIND ---------------------------------------------------------------------------------


def test_query_and_retrieve(rest: httpx.Client, peer: Peer) -> None:
    study, made = files(3)
    upload(peer.rest, made)
    query = {"Level": "Study", "Query": {"StudyInstanceUID": study, "PatientName": ""}}
    path = ok(rest.post("/modalities/peer/query", json=query))["Path"]
    assert ok(rest.get(f"{path}/answers")) == ["0"]
    shown = ok(rest.get(f"{path}/answers/0/content?simplify"))
    assert shown["StudyInstanceUID"] == study
    assert shown["PatientName"] == "CompressedSamples^CT1"
    below = ok(rest.post(f"{path}/answers/0/query-instances", json={}))["Path"]
    assert len(ok(rest.get(f"{below}/answers"))) == len(made)
    details = ok(rest.post(f"{path}/retrieve", content=b"ORTHANC"))["Details"]
    assert sorted(details[0]["ReceivedInstancesIds"]) == sorted(instances(rest, study))
    assert len(instances(rest, study)) == len(made)
    assert rest.delete(path).is_success
    assert rest.get(path).status_code == httpx.codes.NOT_FOUND


def test_get(rest: httpx.Client, peer: Peer) -> None:
    study, made = files(3)
    upload(peer.rest, made)
    body = {"Level": "Study", "Resources": [{"StudyInstanceUID": study}]}
    content = ok(rest.post("/modalities/peer/get", json=body))
    assert len(content["Details"][0]["ReceivedInstancesIds"]) == len(made)
    assert len(instances(rest, study)) == len(made), "it can be read at once"


def got(rest: httpx.Client, peer: Peer, study: str, made: list[bytes]) -> set[str]:
    """Get a study that a peer has; return the classes that came."""
    upload(peer.rest, made)
    body = {"Level": "Study", "Resources": [{"StudyInstanceUID": study}]}
    (detail,) = ok(rest.post("/modalities/peer/get", json=body))["Details"]
    assert detail["DimseErrorStatus"] == 0
    here = instances(rest, study)
    assert sorted(detail["ReceivedInstancesIds"]) == sorted(here)
    assert len(here) == len(made)
    return {rest.get(f"/instances/{one}/metadata/SopClassUid").text for one in here}


def test_get_brings_classes_from_all_over_the_registry(rest: httpx.Client, peer: Peer) -> None:
    study, made = files(1)
    dose = dicom_file(
        "rtdose.dcm",
        StudyInstanceUID=study,
        SOPInstanceUID=generate_uid(),
        PatientID=study[-16:],
    )
    assert _RT_DOSE_CLASS in got(rest, peer, study, [*made, dose])


def test_get_brings_classes_that_no_association_begins_with(rest: httpx.Client, peer: Peer) -> None:
    """Beside common ones, and from an Orthanc that stops at the first that it cannot send."""
    study, made = files(3)
    rare = pydicom.dcmread(io.BytesIO(made[1]))
    rare.SOPClassUID = rare.file_meta.MediaStorageSOPClassUID = UID(_RARE_CLASS)
    written = io.BytesIO()
    rare.save_as(written)
    brought = got(rest, peer, study, [made[0], written.getvalue(), made[2]])
    assert brought == {_RARE_CLASS, _CT_CLASS}


def test_get_brings_what_the_other_archive_cannot_decompress(
    rest: httpx.Client, peer: Peer
) -> None:
    study, made = files(1)
    named = {"StudyInstanceUID": study, "PatientID": study[-16:], "Modality": "ES"}
    video = pydicom.dcmread(
        io.BytesIO(dicom_file(_JPEG_2000, SOPInstanceUID=generate_uid(), **named))
    )
    video.file_meta.TransferSyntaxUID = MPEG4HP41
    written = io.BytesIO()
    video.save_as(written)
    got(rest, peer, study, [*made, written.getvalue()])
    received = [
        pydicom.dcmread(io.BytesIO(rest.get(f"/instances/{one}/file").content))
        for one in instances(rest, study)
    ]
    (kept,) = [one for one in received if one.Modality == "ES"]
    assert kept.file_meta.TransferSyntaxUID == MPEG4HP41
    assert kept.PixelData == video.PixelData


_DCMQRSCP = """
NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
nephele = (ORTHANC, {host}, {own_port})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
QR {folder} RW (20, 100mb) ANY
AETable END
"""


@pytest.mark.parametrize("method", ["C-MOVE", "C-GET"])
def test_dcmtk_is_queried_and_retrieved_from(
    acquainted: Stack, rest: httpx.Client, tmp_path: Path, method: str
) -> None:
    port, folder = reserve(0, ""), tmp_path / "QR"
    folder.mkdir()
    host, own_port = acquainted.dicom_address
    configuration = tmp_path / "dcmqrscp.cfg"
    configuration.write_text(
        _DCMQRSCP.format(port=port, folder=folder, host=host, own_port=own_port)
    )
    study, made = files(3)
    for number, file in enumerate(made):
        (tmp_path / f"{number}.dcm").write_bytes(file)
    paths = [str(path) for path in tmp_path.glob("*.dcm")]
    with subprocess.Popen([tool("dcmqrscp"), "-c", str(configuration)]) as process:
        try:
            modality = {"AET": "QR", "Host": "127.0.0.1", "Port": port, "RetrieveMethod": method}
            wait_until(lambda: rest.post("/tools/dicom-echo", json=modality).is_success)
            store = [tool("storescu"), "-aec", "QR", "127.0.0.1", str(port), *paths]
            subprocess.run(store, check=True, timeout=60)
            rest.put("/modalities/dcmqrscp", json=modality).raise_for_status()
            query = {"Level": "Study", "Query": {"StudyInstanceUID": study, "PatientName": ""}}
            path = ok(rest.post("/modalities/dcmqrscp/query", json=query))["Path"]
            shown = ok(rest.get(f"{path}/answers/0/content?simplify"))
            details = ok(rest.post(f"{path}/retrieve", json={"RetrieveMethod": method}))["Details"]
        finally:
            process.terminate()
    assert shown["PatientName"] == "CompressedSamples^CT1"
    assert len(details[0]["ReceivedInstancesIds"]) == len(made)
    for one in instances(rest, study):
        received = pydicom.dcmread(io.BytesIO(rest.get(f"/instances/{one}/file").content))
        source = next(
            data_set
            for data_set in (pydicom.dcmread(io.BytesIO(file)) for file in made)
            if data_set.SOPInstanceUID == received.SOPInstanceUID
        )
        assert received.PixelData == source.PixelData
    assert len(instances(rest, study)) == len(made)


def test_failed_move_has_a_payload(rest: httpx.Client, peer: Peer) -> None:
    study, made = files(1)
    upload(peer.rest, made)
    resources = [{"StudyInstanceUID": study}]
    body = {"Level": "Study", "Resources": resources, "TargetAet": "NOBODY"}
    answer = rest.post("/modalities/peer/move", json=body)
    assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    payload = answer.json()["ErrorPayload"]
    assert payload["Type"] == "RetrieveJob"
    assert payload["Content"][0]["DimseErrorStatus"] == 0xC000


_WORKLIST = """
(0008,0005) CS ISO_IR 100
(0008,0050) SH A{number}
(0010,0010) PN Doe^{number}
(0010,0020) LO P{number}
(0020,000d) UI 1.2.3.{number}
(0032,1060) LO Knee
(0040,1001) SH RP{number}
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS MR
(0040,0001) AE MR1
(0040,0002) DA 2026010{number}
(0040,0003) TM 080000
(0040,0006) PN Physician
(0040,0007) LO Step
(0040,0009) SH S{number}
(fffe,e00d) -
(fffe,e0dd) -
"""


def test_worklist(rest: httpx.Client, tmp_path: Path) -> None:
    folder = tmp_path / "worklists" / "WLM"
    folder.mkdir(parents=True)
    (folder / "lockfile").touch()
    for number in (1, 2):
        dump = tmp_path / f"{number}.dump"
        dump.write_text(_WORKLIST.format(number=number))
        subprocess.run([tool("dump2dcm"), dump, folder / f"{number}.wl"], check=True)
    port = reserve(0, "")
    command = [tool("wlmscpfs"), "-dfp", str(folder.parent), str(port)]
    with subprocess.Popen(command) as process:
        try:
            modality = ["WLM", "127.0.0.1", port]
            wait_until(lambda: rest.post("/tools/dicom-echo", json=modality).is_success)
            rest.put("/modalities/wlm", json=modality).raise_for_status()
            steps = [{"ScheduledProcedureStepStartDate": "20260102", "Modality": ""}]
            keys = {"PatientID": "", "ScheduledProcedureStepSequence": steps}
            body = {"Query": keys, "Short": True}
            (item,) = ok(rest.post("/modalities/wlm/find-worklist", json=body))
        finally:
            process.terminate()
    assert item["0010,0020"] == "P2"
    assert item["0040,0100"][0]["0008,0060"] == "MR"


# --- Three parties ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issuer", "source", "target"),
    [
        ("nephele", "peer", "plain"),
        ("nephele", "peer", "nephele"),
        ("peer", "nephele", "plain"),
        ("peer", "nephele", "peer"),
        ("peer", "plain", "nephele"),
        ("nephele", "nephele", "plain"),
        ("peer", "nephele", "nephele"),
    ],
    ids=lambda name: str(name),
)
def test_three_parties_move(
    acquainted: Stack, peer: Peer, plain_peer: Peer, issuer: str, source: str, target: str
) -> None:
    study, made = files(2)
    compressed = dicom_file(
        _JPEG_2000,
        StudyInstanceUID=study,
        SOPInstanceUID=generate_uid(),
        PatientID=study[-16:],
    )
    if "nephele" in (source, target):
        made.append(compressed)  # the Orthanc here cannot transcode it
    aets = {"nephele": "ORTHANC", "peer": "PEER", "plain": "PLAIN"}
    with ExitStack() as stack:
        nephele = stack.enter_context(acquainted.rest())
        clients = {"nephele": nephele, "peer": peer.rest, "plain": plain_peer.rest}
        upload(clients[source], made)
        body = {
            "Level": "Study",
            "Resources": [{"StudyInstanceUID": study}],
            "TargetAet": aets[target],
        }
        ok(clients[issuer].post(f"/modalities/{source}/move", json=body))
        wait_until(lambda: len(instances(clients[target], study)) == len(made))
        there = instances(clients[target], study)
        if target == "plain":
            for one in there:
                file = clients[target].get(f"/instances/{one}/file").content
                syntax = pydicom.dcmread(io.BytesIO(file)).file_meta.TransferSyntaxUID
                assert syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian)


# --- Storage commitment -----------------------------------------------------------------------


def report_of(client: httpx.Client, path: str) -> dict[str, Any]:
    wait_until(lambda: ok(client.get(path))["Status"] != "Pending", 60)
    report: dict[str, Any] = ok(client.get(path))
    return report


def test_commitment_is_asked_for_and_reported(rest: httpx.Client, peer: Peer) -> None:
    _, made = files(2)
    body = {"Resources": [upload(rest, made)], "StorageCommitment": True}
    content = ok(rest.post("/modalities/peer/store", json=body))
    path = f"/storage-commitment/{content['StorageCommitmentTransactionUID']}"
    report = report_of(rest, path)
    assert (report["Status"], len(report["Success"])) == ("Success", 2)
    assert report["RemoteAET"] == "PEER"
    assert ok(rest.post(f"{path}/remove", content=b"")) == {}
    assert rest.get(f"/studies/{body['Resources'][0]}").status_code == httpx.codes.NOT_FOUND


def test_commitment_says_what_failed(rest: httpx.Client) -> None:
    missing = ["1.2.840.10008.5.1.4.1.1.2", generate_uid()]
    answer = ok(
        rest.post("/modalities/peer/storage-commitment", json={"DicomInstances": [missing]})
    )
    report = report_of(rest, answer["Path"])
    assert report["Status"] == "Failure"
    (failure,) = report["Failures"]
    assert failure["FailureReason"] == 0x0112
    remove = rest.post(f"{answer['Path']}/remove", content=b"")
    assert remove.json()["OrthancStatus"] == 6


def test_commitment_is_given_after_indexing(
    acquainted: Stack, rest: httpx.Client, peer: Peer
) -> None:
    study, made = files(2)
    orthanc_id = upload(peer.rest, made)
    body = {"Resources": [orthanc_id], "StorageCommitment": True}
    content = ok(peer.rest.post("/modalities/nephele/store", json=body))
    path = f"/storage-commitment/{content['StorageCommitmentTransactionUID']}"
    report = report_of(peer.rest, path)
    assert (report["Status"], len(report["Success"])) == ("Success", 2)
    assert len(instances(rest, study)) == 2


@contextmanager
def second_edge(stack: Stack) -> Iterator[int]:
    """Run another task of the edge beside the stack's own; yield its port."""
    (own,) = (
        process
        for process in psutil.Process(stack.process.pid).children(recursive=True)
        if process.cmdline()[-2:] == ["-m", "dimse_edge"]
    )
    port = reserve(0, "")
    command = [*own.cmdline(), "--port", str(port)]
    environment = own.environ() | {"NEPHELE_WORKER_PROCESSES": "1"}
    with subprocess.Popen(command, env=environment, cwd=own.cwd()) as process:
        try:
            yield port
        finally:
            process.terminate()


def test_what_comes_to_the_other_task_is_matched(
    acquainted: Stack, rest: httpx.Client, peer: Peer
) -> None:
    """One task asks for a commitment and a C-MOVE; the report and the stores come to the other."""
    host, own_port = acquainted.dicom_address
    _, made = files(1)
    orthanc_id = upload(rest, made)
    moved, to_move = files(3)
    upload(peer.rest, to_move)
    with second_edge(acquainted) as port:
        modality = ["OTHER", "127.0.0.1", port]
        wait_until(lambda: rest.post("/tools/dicom-echo", json=modality).is_success, 60)
        peer.knows("nephele", ["ORTHANC", "127.0.0.1", port])
        try:
            body = {"Resources": [orthanc_id], "StorageCommitment": True}
            content = ok(rest.post("/modalities/peer/store", json=body))
            path = f"/storage-commitment/{content['StorageCommitmentTransactionUID']}"
            assert report_of(rest, path)["Status"] == "Success"
            before = acquainted.log("edge").count("association ended")
            body = {"Level": "Study", "Resources": [{"StudyInstanceUID": moved}]}
            content = ok(rest.post("/modalities/peer/move", json=body | {"TargetAet": "ORTHANC"}))
            received = content["Details"][0]["ReceivedInstancesIds"]
            assert sorted(received) == sorted(instances(rest, moved))
            assert len(received) == len(to_move)
            assert acquainted.log("edge").count("association ended") == before, "not its own port"
        finally:
            peer.knows("nephele", ["ORTHANC", host, own_port])
