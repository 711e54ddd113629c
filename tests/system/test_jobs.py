"""Jobs on the local stack: peers of both executors, workers that die, clients of two minds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nephele.domain.levels import Level
from tests.stack import Stack, running_stack
from tests.system.senders import Study, make_study, send
from tests.unit.peers.servers import Handler, PeerServer, peer_server

_OPTIONS = {
    "DicomAlwaysAllowStore": True,
    "EdgePeers": ["ward-*"],
    "OrthancPeers": {"file": {"Url": "http://127.0.0.1:1", "Username": "u", "Password": "hidden"}},
    "PeersAllowedAddresses": ["127.0.0.0/8"],
}
_PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, assemblies: Path) -> Iterator[Stack]:
    """Run a stack whose peers may be on this machine."""
    folder = tmp_path_factory.mktemp("busy")
    with running_stack(folder, assemblies, configuration=_OPTIONS) as stack:
        yield stack


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
    with peer_server() as peer, busy.rest() as rest:
        rest.put(f"/peers/{name}", json=[peer.url])
        assert rest.get(f"/peers/{name}/system").json()["Name"] == "peer"
        answer = rest.post(f"/peers/{name}/store", content=study.orthanc_id(Level.STUDY))
        assert answer.json()["InstancesCount"] == 30
        assert sorted(peer.stored) == sorted(study.instance_ids)
        straight = rest.post(f"/peers/{name}/store-straight", content=study.files[0].read_bytes())
        assert straight.json()["Status"] == "AlreadyStored"


def test_a_worker_dies_and_nothing_is_sent_twice(busy: Stack, study: Study) -> None:
    with peer_server() as peer, busy.rest() as rest:
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
    with peer_server() as peer, busy.rest() as rest:
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
    with peer_server() as peer, busy.rest() as rest:
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
    with busy.rest() as rest:
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
