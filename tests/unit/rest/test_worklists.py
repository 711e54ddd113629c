"""`/worklists`: made, shown, replaced, removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nephele.aws import clock
from nephele.cli import app, worklists_command
from tests.unit.rest.conftest import Client, Connect, changed_sample

STEP = {"Modality": "CT", "ScheduledStationAETitle": "CT1"}
TAGS: dict[str, Any] = {
    "PatientID": "W1",
    "0010,0010": "Müller^Eva",
    "PatientWeight": 70,
    "ScheduledProcedureStepSequence": [STEP],
}


def create(client: Client, tags: Any = TAGS) -> str:
    answer = client.post("/worklists/create", json={"Tags": tags})
    assert answer.status_code == 200, answer.text
    identifier = answer.json()["ID"]
    assert answer.json() == {"ID": identifier, "Path": f"/worklists/{identifier}"}
    return str(identifier)


def test_a_worklist(client: Client) -> None:
    assert client.get("/worklists").json() == []
    identifier = create(client)
    assert client.get("/worklists").json() == [identifier]
    shown = client.get(f"/worklists/{identifier}").json()
    assert client.get("/worklists?expand").json() == [shown]
    assert shown["Tags"].pop("StudyInstanceUID").startswith("1.2.")
    assert shown["Tags"] == {
        "PatientID": "W1",
        "PatientName": "Müller^Eva",
        "PatientWeight": "70",
        "ScheduledProcedureStepSequence": [STEP],
    }
    assert client.delete(f"/worklists/{identifier}").json() == {}
    assert client.get("/worklists").json() == []


def test_what_is_not_there(client: Client) -> None:
    for method in ("GET", "DELETE"):
        assert client.request(method, "/worklists/none").status_code == 404


def test_an_identifier_of_the_client(client: Client) -> None:
    for patient in ("one", "two"):
        answer = client.request("PUT", "/worklists/mine", json={"Tags": {"PatientID": patient}})
        assert answer.json()["ID"] == "mine"
    assert client.get("/worklists/mine").json()["Tags"]["PatientID"] == "two"
    assert client.get("/worklists").json() == ["mine"]


def test_a_file(client: Client) -> None:
    file = changed_sample(PatientID="F1", StudyInstanceUID="1.2.3")
    identifier = client.post("/worklists/create", content=file).json()["ID"]
    tags = client.get(f"/worklists/{identifier}").json()["Tags"]
    assert (tags["PatientID"], tags["StudyInstanceUID"]) == ("F1", "1.2.3")


def test_a_study_uid_is_only_made_if_that_is_wanted(connect: Connect) -> None:
    client = connect(Worklists={"SetStudyInstanceUidIfMissing": False})
    identifier = create(client, {"PatientID": "W1"})
    assert client.get(f"/worklists/{identifier}").json()["Tags"] == {"PatientID": "W1"}
    given = create(connect(), {"StudyInstanceUID": "1.2"})
    assert client.get(f"/worklists/{given}").json()["Tags"]["StudyInstanceUID"] == "1.2"


def test_worklists_expire(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(Worklists={"DeleteWorklistsDelay": 2})
    identifier = create(client)
    now = clock.epoch_seconds()
    for hours, status in ((1.9, 200), (2.1, 404)):
        monkeypatch.setattr(clock, "epoch_seconds", lambda hours=hours: now + hours * 3600)
        assert client.get(f"/worklists/{identifier}").status_code == status
        assert (identifier in client.get("/worklists").json()) is (status == 200)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="no tags"),
        pytest.param({"Tags": []}, id="tags that are no object"),
        pytest.param({"Tags": {"NoSuchTag": "x"}}, id="an unknown tag"),
        pytest.param({"Tags": {"PatientID": None}}, id="no text"),
        pytest.param({"Tags": {"ScheduledProcedureStepSequence": "x"}}, id="no sequence"),
        pytest.param({"Tags": {"ScheduledProcedureStepSequence": ["x"]}}, id="no items"),
    ],
)
def test_bodies_that_make_no_sense(client: Client, body: dict[str, Any]) -> None:
    assert client.post("/worklists/create", json=body).status_code == 400
    assert client.get("/worklists").json() == []


def test_other_bodies(client: Client) -> None:
    assert client.post("/worklists/create", content=b"no JSON").status_code == 400
    broken = bytes(128) + b"DICM" + b"broken"
    assert client.post("/worklists/create", content=broken).status_code == 400
    large = {"Tags": {"PatientComments": "x" * 400_000}}
    assert client.post("/worklists/create", json=large).status_code in (400, 413)


def test_files_sent_by_the_command_line(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Connection:
        def __init__(self, **_: object) -> None:
            pass

        def __enter__(self) -> Connection:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def put(self, url: str, content: bytes) -> object:
            return client.request("PUT", url, content=content)

    monkeypatch.setattr(worklists_command.httpx, "Client", Connection)
    monkeypatch.setattr(app, "entry_points", lambda **_: [])
    (tmp_path / "one.wl").write_bytes(changed_sample(PatientID="F1"))
    (tmp_path / "two.WL").write_bytes(b"broken")
    (tmp_path / "notes.txt").write_text("no worklist")
    result = CliRunner().invoke(app.build_app(), ["worklists", str(tmp_path)])
    assert result.exit_code == 1
    assert "one.wl: sent" in result.output
    assert "two.WL: 400" in result.output
    assert client.get("/worklists").json() == ["one"]
