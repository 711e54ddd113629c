"""Forwarding to peers: again and again until all are there, and nothing counts before."""

from __future__ import annotations

import pytest

from nephele.domain.jobs import Job, JobState
from nephele.services.archive import Archive
from nephele.services.jobs import control, patience
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from nephele.services.jobs.submit import JobOptions, submit
from tests.unit.conftest import messages
from tests.unit.rest.conftest import Client

from .conftest import upload
from .servers import PeerServer
from .test_store import answer, hang_up


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE_SECONDS", 0)


def forwarded(library: Archive, ids: list[str], to: str = "other") -> Job:
    request = {"Instances": ids, "To": to, "Transcode": ""}
    content = {"Description": "AutoForward", "InstancesCount": len(ids), "FailedInstancesCount": 0}
    return submit(library, "AutoForwardToPeer", request, JobOptions(synchronous=False), content)


def run(library: Archive, job: Job) -> Job:
    """Run one slice; return the job as it is then."""
    for message in messages(library, "jobs"):
        run_message(library, message, load_kind, lambda: True)
    return control.get_job(library, job.identifier)


def test_who_is_not_there_is_asked_once_and_all_wait(
    client: Client, peer: PeerServer, library: Archive
) -> None:
    ids = upload(client, 3)
    peer.behaviours = [hang_up]
    waiting = run(library, job := forwarded(library, ids))
    assert (waiting.state.is_final, peer.stored) == (False, [])
    assert waiting.content["FailedInstancesCount"] == 3
    assert "closed the connection" in waiting.content["LastError"]
    assert run(library, job).state is JobState.SUCCESS
    assert sorted(peer.stored) == ids


def test_what_is_refused_goes_again_alone(
    client: Client, peer: PeerServer, library: Archive
) -> None:
    ids = upload(client, 3)
    peer.behaviours = [answer(500)]
    waiting = run(library, job := forwarded(library, ids))
    assert sorted(peer.stored) == ids[1:]
    assert (waiting.content["FailedInstancesCount"], waiting.state.is_final) == (1, False)
    assert "HTTP 500" in waiting.content["LastError"]
    ended = run(library, job)
    assert (ended.state, ended.content["FailedInstancesCount"]) == (JobState.SUCCESS, 0)
    assert peer.stored == [*ids[1:], ids[0]], "each one once"


def test_a_peer_that_is_defined_later_gets_what_waits(
    client: Client, peer: PeerServer, library: Archive
) -> None:
    ids = upload(client, 2)
    waiting = run(library, job := forwarded(library, ids, "later"))
    assert "later" in waiting.content["LastError"]
    client.request("PUT", "/peers/later", json=[peer.url])
    assert run(library, job).state is JobState.SUCCESS
    assert sorted(peer.stored) == ids
