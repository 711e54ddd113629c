"""Jobs and peers on the local stack: both executors, workers that die, the edge's own HTTPS."""

from __future__ import annotations

import hashlib
import os
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pydicom
import pytest

from infra.local.certificate import ensure_certificate
from nephele.domain.levels import Level
from tests.differential.server import PASSWORD as ORTHANC_PASSWORD
from tests.differential.server import USER as ORTHANC_USER
from tests.stack import Stack, running_stack
from tests.system.conftest import Peer, run_peer
from tests.system.senders import Study, make_study, send, wait_for_edge
from tests.unit.peers.servers import Handler, PeerServer, peer_server

_USER, _PASSWORD = "alice", "of the ward"
_OPTIONS = {
    "AuthenticationEnabled": True,
    "RegisteredUsers": {_USER: _PASSWORD},
    "DicomAlwaysAllowStore": True,
    "EdgePeers": ["ward-*"],
    "OrthancPeers": {"file": {"Url": "http://127.0.0.1:1", "Username": "u", "Password": "hidden"}},
    "PeersAllowedAddresses": ["127.0.0.0/8"],
}
_PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `own.pem`, a certificate and its key, and `trusted.pem`."""
    folder = tmp_path_factory.mktemp("certificate")
    made = ensure_certificate(folder)
    (folder / "own.pem").write_bytes(made.key.read_bytes() + made.chain.read_bytes())
    return folder


@pytest.fixture(scope="module")
def busy(
    tmp_path_factory: pytest.TempPathFactory, assemblies: Path, certificate: Path
) -> Iterator[Stack]:
    """Run a stack whose peers may be on this machine, and whose edge serves HTTPS."""
    folder = tmp_path_factory.mktemp("busy")
    options = _OPTIONS | {"SslEnabled": True, "SslCertificate": str(certificate / "own.pem")}
    with running_stack(folder, assemblies, configuration=options) as stack:
        yield stack


def signed_in(stack: Stack, **options: Any) -> httpx.Client:
    """Return a client of the REST API that has a login."""
    return stack.rest(auth=(_USER, _PASSWORD), **options)


@pytest.fixture(scope="module")
def study(busy: Stack, tmp_path_factory: pytest.TempPathFactory) -> Study:
    made = make_study(tmp_path_factory.mktemp("sent") / "study", 30)
    send(busy, made.files)
    return made


class Gate:
    """Lets a peer store as many instances as a test says, and tells how many it has."""

    def __init__(self, peer: PeerServer) -> None:
        self.peer = peer
        self.open = threading.Semaphore(0)
        self.stored = threading.Semaphore(0)
        peer.before_storing = self._wait

    def _wait(self, _: Handler) -> None:
        self.stored.release()
        self.open.acquire()

    def let_pass(self, count: int) -> None:
        """Let so many be stored, and wait until that many and one more have come."""
        for _ in range(count):
            self.open.release()
        for _ in range(count):
            assert self.stored.acquire(timeout=_PATIENCE_SECONDS)

    def lift(self) -> None:
        """Let everything pass from now on."""
        self.peer.before_storing = None
        self.open.release(1000)


def submit(rest: httpx.Client, name: str, study: Study) -> str:
    asked = {"Resources": [study.orthanc_id(Level.STUDY)], "Asynchronous": True}
    return str(rest.post(f"/peers/{name}/store", json=asked).json()["Path"])


def ended(rest: httpx.Client, path: str) -> dict[str, Any]:
    """Wait for a job as a client does that follows redirects; return how it looks then."""
    for _ in range(4):
        answer = rest.get(f"{path}/wait", follow_redirects=False)
        if answer.status_code != httpx.codes.SEE_OTHER:
            break
    return dict(rest.get(path).json())


@pytest.mark.parametrize("name", ["clinic", "ward-1"], ids=["functions", "edge"])
def test_a_study_reaches_a_peer(busy: Stack, study: Study, name: str) -> None:
    with peer_server() as peer, signed_in(busy) as rest:
        rest.put(f"/peers/{name}", json=[peer.url])
        assert rest.get(f"/peers/{name}/system").json()["Name"] == "peer"
        answer = rest.post(f"/peers/{name}/store", content=study.orthanc_id(Level.STUDY))
        assert answer.json()["InstancesCount"] == 30
        assert sorted(peer.stored) == sorted(study.instance_ids)
        straight = rest.post(f"/peers/{name}/store-straight", content=study.files[0].read_bytes())
        assert straight.json()["Status"] == "AlreadyStored"


def test_a_worker_dies_and_nothing_is_sent_twice(busy: Stack, study: Study) -> None:
    with peer_server() as peer, signed_in(busy) as rest:
        rest.put("/peers/clinic", json=[peer.url])
        gate = Gate(peer)
        path = submit(rest, "clinic", study)
        gate.let_pass(8)
        busy.kill_workers("jobs")
        gate.lift()
        job = ended(rest, path)
        assert (job["State"], job["Content"]["FailedInstancesCount"]) == ("Success", 0)
        assert sorted(set(peer.stored)) == sorted(study.instance_ids)
        assert len(peer.stored) == 30, "each one once"


def test_a_job_is_paused_and_goes_on(busy: Stack, study: Study) -> None:
    with peer_server() as peer, signed_in(busy) as rest:
        rest.put("/peers/clinic", json=[peer.url])
        gate = Gate(peer)
        path = submit(rest, "clinic", study)
        gate.let_pass(2)
        assert rest.post(f"{path}/pause").json() == {}
        gate.lift()
        state = wait_for_state(rest, path, "Paused", "Success")
        assert (state, len(peer.stored) < 30) == ("Paused", True)
        assert rest.post(f"{path}/resume").json() == {}
        assert ended(rest, path)["State"] == "Success"
        assert len(peer.stored) == 30


def test_a_job_is_cancelled_and_submitted_again(busy: Stack, study: Study) -> None:
    with peer_server() as peer, signed_in(busy) as rest:
        rest.put("/peers/clinic", json=[peer.url])
        gate = Gate(peer)
        path = submit(rest, "clinic", study)
        gate.let_pass(2)
        rest.post(f"{path}/cancel")
        gate.lift()
        assert wait_for_state(rest, path, "Failure", "Success") == "Failure"
        assert rest.get(path).json()["ErrorCode"] == 37
        assert len(peer.stored) < 30
        assert rest.post(f"{path}/resubmit").json() == {}
        assert ended(rest, path)["State"] == "Success"
        assert sorted(set(peer.stored)) == sorted(study.instance_ids)


def wait_for_state(rest: httpx.Client, path: str, *states: str) -> str:
    """Look at a job until it is in one of some states."""
    pause = threading.Event()
    for _ in range(200):
        state = str(rest.get(path).json()["State"])
        if state in states:
            return state
        pause.wait(0.1)
    raise AssertionError(state)


def test_passwords_stay_where_they_belong(busy: Stack) -> None:
    with signed_in(busy) as rest:
        assert rest.get("/peers/file/configuration").json()["Password"] is None
    functions = busy.client("lambda").list_functions()["Functions"]
    assert len(functions) > 5
    assert "hidden" not in str(functions)
    (secret,) = (
        one
        for one in busy.client("secretsmanager").list_secrets()["SecretList"]
        if "Peers" in one["Name"]
    )
    text = busy.client("secretsmanager").get_secret_value(SecretId=secret["ARN"])["SecretString"]
    assert "hidden" in text


@pytest.fixture(scope="module")
def pusher(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[Peer]:
    """Run an Orthanc that trusts the edge's certificate."""
    trusted = {"HttpsCACertificates": str(certificate / "trusted.pem")}
    yield from run_peer(tmp_path_factory, "PUSHER", **trusted)


def edge_client(busy: Stack, certificate: Path, password: str = _PASSWORD) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(certificate / "trusted.pem"))
    return httpx.Client(
        base_url=busy.https, verify=context, auth=(_USER, password), timeout=60, trust_env=False
    )


def https_process(busy: Stack) -> Path:
    """Return the folder in /proc of the edge's process for HTTPS."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            environment = (process / "environ").read_bytes()
        except OSError:
            continue  # ended meanwhile, or of another user
        if b"dimse_edge.https" in command and str(busy.data).encode() in environment:
            return process
    pytest.fail("the edge has no process for HTTPS")


def memory_mb(process: Path, name: str) -> int:
    """Return a figure of a process: `VmRSS`, or `VmHWM`, the most it ever had."""
    lines = (process / "status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name))) >> 10


def test_an_orthanc_pushes_images_that_api_gateway_cannot_take(
    busy: Stack, pusher: Peer, certificate: Path, tmp_path: Path
) -> None:
    large = make_study(tmp_path / "large", 4, edge=3900)
    assert all(file.stat().st_size > 30_000_000 for file in large.files)
    for file in large.files:
        pusher.rest.post("/instances", content=file.read_bytes()).raise_for_status()
    peer = {"Url": busy.https, "Username": _USER, "Password": _PASSWORD}
    pusher.rest.put("/peers/nephele", json=peer).raise_for_status()
    process = https_process(busy)
    before = memory_mb(process, "VmRSS")
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda one: pusher.rest.post("/peers/nephele/store", content=one), large.instance_ids
        )
        assert all(answer.is_success for answer in answers)
    assert memory_mb(process, "VmHWM") - before < 100, "of four images of 30 MB"
    assert https_process(busy) == process, "it is still the same"
    with edge_client(busy, certificate) as rest:
        for file, identity in zip(large.files, large.identities, strict=True):
            path = f"/instances/{identity.orthanc_id(Level.INSTANCE)}"
            assert rest.get(f"{path}/metadata/HttpUsername").text == _USER
            got = rest.get(f"{path}/file")
            assert got.status_code == httpx.codes.OK, "at once, and not by another address"
            assert digest(got.content) == digest(file.read_bytes())
        two = [one.orthanc_id(Level.INSTANCE) for one in large.identities[:2]]
        made = rest.post("/tools/create-archive", json=two)
        with ZipFile(BytesIO(made.content)) as archived:
            found = {digest(archived.read(name)) for name in archived.namelist()}
        assert found == {digest(file.read_bytes()) for file in large.files[:2]}


_LOSSLESS = "1.2.840.10008.1.2.4.70"


@pytest.mark.parametrize("syntax", ["", _LOSSLESS], ids=["as it is", "transcoded"])
@pytest.mark.parametrize("name", ["orthanc", "ward-orthanc"], ids=["functions", "edge"])
def test_nephele_sends_to_an_orthanc(
    busy: Stack, pusher: Peer, tmp_path: Path, name: str, syntax: str
) -> None:
    small = make_study(tmp_path / "small", 5)
    asked = {"Resources": [small.orthanc_id(Level.STUDY)], "Transcode": syntax or None}
    peer = {"Url": pusher.server.http, "Username": ORTHANC_USER, "Password": ORTHANC_PASSWORD}
    with signed_in(busy) as rest:
        for file in small.files:
            rest.post("/instances", content=file.read_bytes()).raise_for_status()
        rest.put(f"/peers/{name}", json=peer).raise_for_status()
        sent = rest.post(f"/peers/{name}/store", json={k: v for k, v in asked.items() if v})
    assert sent.json()["InstancesCount"] == 5
    check_same_pixels(pusher.rest, small, syntax)


@pytest.mark.parametrize("syntax", ["", _LOSSLESS], ids=["as it is", "transcoded"])
def test_an_orthanc_sends_to_nephele(
    busy: Stack, pusher: Peer, certificate: Path, tmp_path: Path, syntax: str
) -> None:
    small = make_study(tmp_path / "small", 5)
    for file in small.files:
        pusher.rest.post("/instances", content=file.read_bytes()).raise_for_status()
    peer = {"Url": busy.https, "Username": _USER, "Password": _PASSWORD}
    pusher.rest.put("/peers/nephele", json=peer).raise_for_status()
    asked = {"Resources": [small.orthanc_id(Level.STUDY)], "Transcode": syntax}
    sent = pusher.rest.post("/peers/nephele/store", json={k: v for k, v in asked.items() if v})
    assert sent.is_success
    with edge_client(busy, certificate) as rest:
        check_same_pixels(rest, small, syntax)


def check_same_pixels(rest: httpx.Client, study: Study, syntax: str) -> None:
    """Compare what a server has with a study's files; without a syntax byte by byte."""
    for file, identity in zip(study.files, study.identities, strict=True):
        path = f"/instances/{identity.orthanc_id(Level.INSTANCE)}/file"
        got = rest.get(path).raise_for_status().content
        if not syntax:
            assert got == file.read_bytes()
            continue
        assert pydicom.dcmread(BytesIO(got)).file_meta.TransferSyntaxUID == syntax
        assert decoded(got, file.parent) == pydicom.dcmread(file).PixelData


def decoded(encoded: bytes, folder: Path) -> bytes:
    """Return the pixel data of an image that DCMTK has decoded."""
    (folder / "encoded").write_bytes(encoded)
    subprocess.run(["dcmdjpeg", "encoded", "decoded"], cwd=folder, check=True)
    return bytes(pydicom.dcmread(folder / "decoded").PixelData)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_https_asks_for_a_login_and_for_nothing_before_it(
    busy: Stack, certificate: Path, study: Study
) -> None:
    with edge_client(busy, certificate, "wrong") as rest:
        answer = rest.post("/instances", content=study.files[0].read_bytes())
        assert answer.status_code == httpx.codes.UNAUTHORIZED
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Orthanc Secure Area"'
    with edge_client(busy, certificate) as rest:
        assert rest.get("/system").json()["DicomAet"] == "ORTHANC"
        archived = rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}/archive")
        assert archived.status_code == httpx.codes.OK
        assert archived.content[:4] == b"PK\3\4"


def test_https_comes_back_and_associations_do_not_notice(busy: Stack, certificate: Path) -> None:
    process = https_process(busy)
    os.kill(int(process.name), signal.SIGKILL)
    wait_for_edge(busy)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with edge_client(busy, certificate) as rest:
        while time.monotonic() < deadline:
            try:
                assert rest.get("/system").is_success
            except httpx.TransportError:
                continue
            return
    pytest.fail("HTTPS does not come back")
