"""Whatever is killed, nothing that was acknowledged is lost."""

from __future__ import annotations

import signal
from pathlib import Path

from nephele.domain.levels import Level
from tests.stack import Stack, running_stack
from tests.system.senders import finish, make_study, send, storescu, wait_for_edge


def test_a_killed_system_comes_back_with_all_it_acknowledged(
    tmp_path: Path, assemblies: Path
) -> None:
    study = make_study(tmp_path / "study", 20)
    with running_stack(tmp_path / "data", assemblies) as first:
        send(first, study.files)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(30)
    with running_stack(tmp_path / "data", assemblies) as second, second.rest() as rest:
        shown = rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}/instances?expand=false")
        assert set(shown.json()) == study.instance_ids
        assert rest.get("/statistics").json()["CountInstances"] == 20


def test_a_killed_index_function_loses_nothing(stack: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 60)
    stack.switch(retry_seconds=1)
    sender = storescu(stack, study.files)
    for _ in range(3):
        stack.kill_workers("index")
    finish(sender)
    stack.wait_idle(120)
    stack.switch(retry_seconds=None)
    with stack.rest() as rest:
        shown = rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}/instances?expand=false")
        assert set(shown.json()) == study.instance_ids


def test_a_killed_edge_comes_back_and_loses_nothing(stack: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 30)
    send(stack, study.files[:5])
    sender = storescu(stack, study.files)
    stack.kill_edge()
    sender.communicate(timeout=60)
    wait_for_edge(stack)
    send(stack, study.files)
    with stack.rest() as rest:
        shown = rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}/instances?expand=false")
    assert set(shown.json()) == study.instance_ids
    assert stack.process.poll() is None
