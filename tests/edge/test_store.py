"""C-STORE from real clients: bytes as they came, statuses, retries."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from bench.archive_stub import ArchiveStub
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity
from tests.edge.conftest import Edge, StartEdge, tool
from tests.edge.data_sets import (
    CT,
    VERIFICATION,
    as_file,
    associate,
    ct,
    data_set_of,
    encode,
    store_encoded,
)

SENDERS = {
    "storescu": ("storescu", "127.0.0.1", "{port}", "{file}"),
    "dcmsend": ("dcmsend", "127.0.0.1", "{port}", "{file}"),
    "gdcmscu": ("gdcmscu", "--store", "-H", "127.0.0.1", "-p", "{port}", "-i", "{file}"),
}


@pytest.mark.parametrize("name", SENDERS)
def test_bytes_as_they_came(name: str, edge: Edge, stub: ArchiveStub, tmp_path: Path) -> None:
    part10 = as_file(ct(pixels=300_000))
    file = tmp_path / "ct.dcm"
    file.write_bytes(part10)
    program, *arguments = SENDERS[name]
    filled = [argument.format(port=edge.port, file=file) for argument in arguments]
    run_client(program, *filled)
    assert edge.wait_for("association ended")["outcome"] == "released"
    (stored,) = stub.objects.values()
    assert data_set_of(stored.body) == data_set_of(part10)
    assert stored.body[128:132] == b"DICM"


def test_key_and_metadata(edge: Edge, stub: ArchiveStub) -> None:
    association = associate(edge.port, calling="CT1")
    assert store_encoded(association, encode(ct())).status == 0x0000
    association.release()
    ((key, stored),) = stub.objects.items()
    orthanc_id = Identity("PAT", "1.2", "1.2.3", "1.2.3.4").orthanc_id(Level.INSTANCE)
    assert key.startswith(f"dicom/{orthanc_id[:2]}/{orthanc_id}/")
    assert len(stored.received) == len("20260101T000000.000000")
    ended = edge.wait_for("association ended")
    assert (ended["outcome"], ended["stored"], ended["calling_aet"]) == ("released", 1, "CT1")


@pytest.mark.parametrize("client", ["echoscu", "gdcmscu", "pynetdicom"])
def test_echo(client: str, edge: Edge) -> None:
    if client == "pynetdicom":
        association = associate(edge.port, {VERIFICATION: [ImplicitVRLittleEndian]})
        assert association.send_c_echo().Status == 0x0000
        association.release()
    elif client == "echoscu":
        assert not run_client("echoscu", "127.0.0.1", str(edge.port))
    else:
        run_client("gdcmscu", "--echo", "-H", "127.0.0.1", "-p", str(edge.port))
    assert edge.wait_for("association ended")["outcome"] == "released"


def run_client(program: str, *arguments: str) -> str:
    """Run a client; return what it says of errors.

    gdcmscu 3.0.21 aborts itself after each release, against any server.
    """
    command = [tool(program), *arguments]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == (-signal.SIGABRT if program == "gdcmscu" else 0)
    return done.stderr


REFUSED = {
    "another SOP Instance UID than the command": (ct("1.2.3.5"), 0xA900),
    "another SOP Class UID than the command": (ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.4"), 0xA900),
    "no SOP Instance UID": (ct(SOPInstanceUID=None), 0xC000),
    "empty SOP Instance UID": (ct(SOPInstanceUID=""), 0xC000),
    "no SOP Class UID": (ct(SOPClassUID=None), 0xC000),
    "no Study Instance UID": (ct(StudyInstanceUID=None), 0xA700),
    "empty Study Instance UID": (ct(StudyInstanceUID=""), 0xA700),
    "no Series Instance UID": (ct(SeriesInstanceUID=None), 0xA700),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, shared_edge: Edge, stub: ArchiveStub) -> None:
    data_set, status = REFUSED[case]
    association = associate(shared_edge.port)
    answer = store_encoded(association, encode(data_set))
    assert answer.status == status
    assert answer.comment
    assert not stub.objects
    assert store_encoded(association, encode(ct())).status == 0x0000, "the association lives"
    association.release()
    assert "Secret" not in str(shared_edge.lines)


def test_no_patient_id_is_stored(shared_edge: Edge, stub: ArchiveStub) -> None:
    association = associate(shared_edge.port)
    assert store_encoded(association, encode(ct(PatientID=None))).status == 0x0000
    association.release()
    assert len(stub.objects) == 1


def test_failing_s3_is_never_a_success(shared_edge: Edge, stub: ArchiveStub) -> None:
    association = associate(shared_edge.port)
    stub.failing_puts = 100
    assert store_encoded(association, encode(ct())).status == 0xA700
    assert not stub.objects
    stub.failing_puts = 0
    assert store_encoded(association, encode(ct())).status == 0x0000, "the sender's retry"
    association.release()
    assert len(stub.objects) == 1


def test_same_instance_twice(shared_edge: Edge, stub: ArchiveStub) -> None:
    association = associate(shared_edge.port)
    statuses = [store_encoded(association, encode(ct())).status for _ in range(2)]
    association.release()
    assert statuses == [0x0000, 0x0000]
    assert len(stub.objects) == 2, "two receptions, each under its own key"


def test_above_8_mib_in_parts(shared_edge: Edge, stub: ArchiveStub) -> None:
    encoded = encode(ct(pixels=20 << 20))
    association = associate(shared_edge.port)
    assert store_encoded(association, encoded).status == 0x0000
    association.release()
    (stored,) = stub.objects.values()
    assert data_set_of(stored.body) == encoded


def test_full_disk(start_edge: StartEdge, stub: ArchiveStub) -> None:
    edge = start_edge({}, "prlimit", f"--fsize={4 << 20}")
    association = associate(edge.port)
    assert store_encoded(association, encode(ct(pixels=8 << 20))).status == 0xA700
    assert store_encoded(association, encode(ct())).status == 0x0000, "the association lives"
    association.release()
    assert len(stub.objects) == 1


def test_compressed_syntax_is_kept(shared_edge: Edge, stub: ArchiveStub, tmp_path: Path) -> None:
    from pydicom.encaps import encapsulate

    data_set = ct()
    data_set.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(1000)])
    data_set["PixelData"].is_undefined_length = True
    association = associate(shared_edge.port, {CT: [JPEG2000Lossless]})
    assert store_encoded(association, encode(data_set)).status == 0x0000
    association.release()
    (stored,) = stub.objects.values()
    assert b"1.2.840.10008.1.2.4.90" in stored.body[:400]


def test_proposers_order(shared_edge: Edge) -> None:
    for first, second in (
        (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
        (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
    ):
        association = associate(shared_edge.port, {CT: [first, second]})
        assert association.accepted_contexts[0].transfer_syntax == [first]
        association.release()
