"""Query and retrieve on the local stack: the edge under its own role, DCMTK on the other side."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from infra.local.ports import reserve
from nephele.domain.part10 import write_preamble
from tests.edge.conftest import tool
from tests.edge.data_sets import CT
from tests.edge.test_memory import BOUND_BYTES, iter_multi_frame, peak_bytes
from tests.stack import Stack
from tests.system.senders import send
from tests.system.test_calling import files, upload, wait_until

_AET = "QRSCU"


@pytest.fixture(scope="module")
def port() -> int:
    return reserve(0, "")


@pytest.fixture(scope="module")
def known(stack: Stack, port: int) -> Iterator[Stack]:
    """Let a requestor be known, which is its own destination too."""
    with stack.rest() as client:
        client.put(f"/modalities/{_AET}", json=[_AET, "127.0.0.1", port]).raise_for_status()
        assert _run(stack, "findscu", "PatientID=nobody")[0] == 0, "it is known at once"
        yield stack
        client.delete(f"/modalities/{_AET}").raise_for_status()


@pytest.fixture
def rest(known: Stack) -> Iterator[httpx.Client]:
    with known.rest() as client:
        yield client


def _run(stack: Stack, program: str, *words: str, cwd: Path | None = None) -> tuple[int, str]:
    """Ask for a study by a key; further words are options."""
    key, *options = words
    host, port = stack.dicom_address
    command = [
        *(tool(program), "-v", "-aet", _AET, "-aec", "ORTHANC", "-S", *options),
        *("-k", "QueryRetrieveLevel=STUDY", "-k", key, host, str(port)),
    ]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, cwd=cwd)
    output = (done.stdout + done.stderr).decode("latin-1")
    return done.returncode or ("Peer aborted" in output), output


def test_a_study_there_and_back(known: Stack, rest: httpx.Client, tmp_path: Path) -> None:
    study, made = files(5)
    upload(rest, made)
    code, output = _run(known, "findscu", f"StudyInstanceUID={study}")
    assert code == 0, output
    assert output.count("(Pending)") == 1
    code, output = _run(known, "getscu", f"StudyInstanceUID={study}", "-od", str(tmp_path))
    assert code == 0, output
    original = pydicom.dcmread(next(tmp_path.iterdir())).PixelData
    assert len(list(tmp_path.iterdir())) == 5
    assert all(pydicom.dcmread(path).PixelData == original for path in tmp_path.iterdir())


def test_a_study_is_moved(known: Stack, rest: httpx.Client, port: int, tmp_path: Path) -> None:
    study, made = files(3, "JPEG2000.dcm")
    upload(rest, made)
    options = ("+P", str(port), "-aem", _AET)
    code, output = _run(known, "movescu", f"StudyInstanceUID={study}", *options, cwd=tmp_path)
    assert code == 0, output
    found = [pydicom.dcmread(path) for path in tmp_path.iterdir()]
    assert len(found) == 3
    assert not any(one.file_meta.TransferSyntaxUID.is_compressed for one in found)


@pytest.mark.parametrize("megabytes", [100, pytest.param(1024, marks=pytest.mark.soak)])
def test_memory_is_bounded_whatever_is_sent(
    known: Stack, rest: httpx.Client, port: int, tmp_path: Path, megabytes: int
) -> None:
    """C-GET is a worker's work, C-STORE of a job the executor's."""
    uid, path = generate_uid(), tmp_path / "large.dcm"
    named = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), uid)
    named["PatientID"] = uid[-16:]
    with path.open("wb") as file:
        file.write(write_preamble(CT, uid, ExplicitVRLittleEndian))
        file.writelines(iter_multi_frame(megabytes << 20, **named))
    send(known, [path])
    known.wait_idle(120)
    processes = [
        process
        for process in psutil.Process(known.process.pid).children(recursive=True)
        if {"dimse_edge.worker", "dimse_edge.executor"} & {*process.cmdline()}
    ]
    before = {process.pid: _begin_peak(process.pid) for process in processes}
    code, output = _run(known, "getscu", f"StudyInstanceUID={uid}", "--ignore")
    assert code == 0, output
    command = [tool("storescp"), "--ignore", "-aet", _AET, str(port)]
    with subprocess.Popen(command) as target:
        try:
            wait_until(lambda: rest.post(f"/modalities/{_AET}/echo", content=b"").is_success)
            (study,) = rest.post(
                "/tools/find", json={"Level": "Study", "Query": {"StudyInstanceUID": uid}}
            ).json()
            job = rest.post(
                f"/modalities/{_AET}/store", json={"Resources": [study], "Asynchronous": True}
            ).json()
            wait_until(lambda: rest.get(job["Path"]).json()["State"] == "Success", 300)
        finally:
            target.terminate()
    grown = [peak_bytes(pid) - size_bytes for pid, size_bytes in before.items()]
    assert len(grown) >= 2
    assert max(grown) < BOUND_BYTES


def _begin_peak(pid: int) -> int:
    """Let the peak of a process's resident size begin anew, and return it."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak_bytes(pid)


def test_what_was_deleted_is_not_sent(known: Stack, rest: httpx.Client, tmp_path: Path) -> None:
    study, made = files(2)
    orthanc_id = upload(rest, made)
    assert _run(known, "getscu", f"StudyInstanceUID={study}", "-od", str(tmp_path))[0] == 0
    rest.delete(f"/studies/{orthanc_id}").raise_for_status()
    again = tmp_path / "again"
    again.mkdir()
    _run(known, "getscu", f"StudyInstanceUID={study}", "-od", str(again))
    assert not list(again.iterdir())
    code, output = _run(known, "findscu", f"StudyInstanceUID={study}")
    assert (code, output.count("(Pending)")) == (0, 0), output
