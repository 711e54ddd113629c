"""Whatever is killed, nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from nephele.domain.levels import Level
from tests.stack import Stack, running_stack
from tests.system.senders import Study, finish, make_study, send, storescu, wait_for_edge


def test_a_killed_system_comes_back_with_all_it_acknowledged(
    tmp_path: Path, assemblies: Path
) -> None:
    """Instances, what users have kept with them, definitions, and a deletion that can be undone."""
    study, gone = make_study(tmp_path / "study", 20), make_study(tmp_path / "gone", 2)
    patient = gone.orthanc_id(Level.PATIENT)
    with running_stack(tmp_path / "data", assemblies) as first:
        send(first, [*study.files, *gone.files])
        first.wait_idle()
        with first.rest() as rest:
            _furnish(rest, study)
            before = _furniture(rest, study)
            last = rest.get("/changes?last").json()["Last"]
            rest.put(f"/patients/{patient}/labels/gone").raise_for_status()
            rest.delete(f"/patients/{patient}").raise_for_status()
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(30)
    with running_stack(tmp_path / "data", assemblies) as second, second.rest() as rest:
        shown = rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}/instances?expand=false")
        assert set(shown.json()) == study.instance_ids
        assert rest.get("/statistics").json()["CountInstances"] == 20
        assert _furniture(rest, study) == before
        _check_reindex_changes_nothing(second)
        assert _furniture(rest, study) == before
        assert rest.get("/changes?last").json()["Last"] > last
        assert rest.get(f"/patients/{patient}").status_code == 404
        (deletion,) = rest.get("/deleted").json()
        assert deletion["ResourceID"] == patient
        rest.post(f"/deleted/{deletion['ID']}/restore", json={}).raise_for_status()
        shown = rest.get(f"/patients/{patient}/instances?expand=false")
        assert set(shown.json()) == gone.instance_ids
        assert rest.get(f"/patients/{patient}/labels").json() == ["gone"]
        file = rest.get(f"/instances/{shown.json()[0]}/file")
        assert file.content.startswith(bytes(128) + b"DICM")


def _check_reindex_changes_nothing(stack: Stack) -> None:
    """Run the command by hand, with what the local stack says of itself."""
    told = json.loads((stack.data / "stack.json").read_text(encoding="utf-8"))
    variables = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": told["aws"],
        "AWS_CA_BUNDLE": told["trusted"],
        "AWS_REGION": told["region"],
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local-root",
    }
    nephele = Path(sys.executable).with_name("nephele")
    command = [nephele, "reindex", "--bucket", told["bucket"], "--table", told["table"]]
    ended = subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "20 objects" in ended.stdout
    assert " indexed" not in ended.stdout  # zeros are not shown


def _furnish(rest: httpx.Client, study: Study) -> None:
    """Keep with a study what users may keep, twice where the later one counts."""
    at = f"/studies/{study.orthanc_id(Level.STUDY)}"
    worklist = {"PatientID": "W1", "ScheduledProcedureStepSequence": [{"Modality": "CT"}]}
    for answer in (
        rest.put(f"{at}/labels/urgent"),
        rest.put(f"{at}/metadata/1024", content=b"first"),
        rest.put(f"{at}/attachments/1024", content=b"a report"),
        rest.put(f"{at}/labels/seen"),
        rest.delete(f"{at}/labels/urgent"),
        rest.put(f"/patients/{study.orthanc_id(Level.PATIENT)}/protected", content=b"1"),
        rest.put("/modalities/ward", json=["WARD", "127.0.0.1", 11112]),
        rest.post("/worklists/create", json={"Tags": worklist}),
    ):
        answer.raise_for_status()


def _furniture(rest: httpx.Client, study: Study) -> dict[str, object]:
    """Return what `_furnish` has kept."""
    at = f"/studies/{study.orthanc_id(Level.STUDY)}"
    worklists = rest.get("/worklists").json()
    shown = {
        "labels": rest.get(f"{at}/labels").json(),
        "metadata": rest.get(f"{at}/metadata/1024").text,
        "attachment": rest.get(f"{at}/attachments/1024/data").text,
        "protected": rest.get(f"/patients/{study.orthanc_id(Level.PATIENT)}/protected").text,
        "modality": rest.get("/modalities/ward/configuration").json(),
        "worklists": {one: rest.get(f"/worklists/{one}").json() for one in worklists},
    }
    expected = {
        "labels": ["seen"],
        "metadata": "first",
        "attachment": "a report",
        "protected": "1",
    }
    assert {name: shown[name] for name in expected} == expected
    assert len(worklists) == 1
    return shown


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
