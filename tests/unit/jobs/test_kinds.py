"""Kinds of jobs that work on the archive itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nephele.aws.index import codec, keys
from nephele.aws.index.commit import Committer
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity, OrthancId
from nephele.rest.app import create_app
from nephele.services import delete_job, reconstruct_job
from nephele.services.archive import Archive
from nephele.services.jobs.kinds import KINDS, load_kind
from tests.unit.conftest import MakeEntry, dicom_file
from tests.unit.jobs.conftest import finish, leave_after_a_step
from tests.unit.rest.conftest import Client, changed_sample

SERIES = ("1.2.1", "1.2.2", "1.2.3")
STUDY = Identity("PAT", "1.2", "1.2.1", "1.2.1.1").orthanc_id(Level.STUDY)


@pytest.fixture
def client(archive: Archive, committer: Committer, make_entry: MakeEntry) -> Client:
    for series in SERIES:
        committer.commit([make_entry(f"{series}.{n}", series=series) for n in (1, 2)])
    return Client(create_app(lambda: archive))


def test_every_kind_of_the_functions_has_its_code() -> None:
    for row in KINDS.values():
        if row.module:
            assert callable(load_kind(row.job_type).run)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls neither run a slice themselves nor wait for others."""
    monkeypatch.setattr(delete_job, "INSTANCES_AT_ONCE", 1)
    monkeypatch.setattr(reconstruct_job, "INSTANCES_AT_ONCE", 1)
    monkeypatch.setattr(delete_job, "run_or_wait", leave_after_a_step)
    monkeypatch.setattr(reconstruct_job, "run_or_wait", leave_after_a_step)


@pytest.mark.usefixtures("no_patience")
def test_a_large_deletion_goes_on_as_a_job(client: Client, archive: Archive) -> None:
    answer = client.delete(f"/studies/{STUDY}")
    assert answer.status_code == 303
    assert len(client.get("/series").json()) == 2
    assert finish(archive, 1) == 2
    assert client.get(answer.headers["location"]).json() == {"RemainingAncestor": None}
    assert client.get("/instances").json() == []
    assert client.get("/jobs").json() == []


@pytest.mark.usefixtures("no_patience")
def test_bulk_deletion_goes_on_as_a_job(client: Client, archive: Archive) -> None:
    ids = client.get("/series").json()[:2]
    answer = client.post("/tools/bulk-delete", json={"Resources": [*ids, ids[0]]})
    assert answer.status_code == 303
    finish(archive, 1)
    assert client.get(answer.headers["location"]).json() == {}
    assert len(client.get("/series").json()) == 1


def test_a_deletion_by_a_job_answers_as_one_without(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delete_job, "INSTANCES_AT_ONCE", 1)
    one, *_ = client.get("/series").json()
    answer = client.delete(f"/series/{one}")
    assert answer.json()["RemainingAncestor"] == {
        "ID": STUDY,
        "Path": f"/studies/{STUDY}",
        "Type": "Study",
    }


def test_everything_is_reconstructed(archive: Archive) -> None:
    client = Client(create_app(lambda: archive))
    before = client.post("/instances", content=dicom_file()).json()
    path = f"/studies/{before['ParentStudy']}"
    shown = client.get(path).json()
    spoil(archive, before["ParentStudy"])
    assert client.get(path).json() != shown
    answer = client.post("/tools/reconstruct")
    assert (answer.status_code, answer.content) == (200, b"")
    (job,) = client.get("/jobs?expand").json()
    assert (job["Type"], job["State"]) == ("Reconstruct", "Success")
    assert job["Content"] == {"Description": "REST API", "SeriesCount": 1}
    assert client.get(path).json() == shown


def spoil(archive: Archive, orthanc_id: str) -> None:
    """Let a resource have lost its main tags."""
    key, values = keys.resource(OrthancId(orthanc_id)), {":t": codec.document({})}
    archive.index.table.update(key, "SET t = :t", "attribute_exists(pk)", values)


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("path", ["/tools/reconstruct", f"/studies/{STUDY}/reconstruct"])
def test_a_reconstruction_goes_on_series_by_series(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    done: list[str] = []
    monkeypatch.setattr(
        reconstruct_job, "reconstruct", lambda _, series: done.append(series.orthanc_id)
    )
    answer = client.post(path)
    assert answer.status_code == 303
    assert finish(archive, 1) == 2
    assert sorted(done) == sorted(client.get("/series").json()), "each one once"
    assert client.get(answer.headers["location"]).json()["SeriesCount"] == 3


@pytest.mark.usefixtures("no_patience")
def test_files_are_written_anew_one_by_one(archive: Archive) -> None:
    client = Client(create_app(lambda: archive))
    for number in range(4):
        uids = {"SOPInstanceUID": f"1.2.{number}", "SeriesInstanceUID": f"1.9.{number % 2}"}
        client.post("/instances", content=changed_sample(**uids))
    assert client.post("/tools/reconstruct", json={"ReconstructFiles": 1}).status_code == 400
    packed = replace(
        archive,
        configuration=archive.configuration.model_copy(update={"storage_compression": True}),
    )
    packing = Client(create_app(lambda: packed))
    answer = packing.post("/tools/reconstruct", json={"ReconstructFiles": True})
    assert answer.status_code == 303
    assert finish(packed, 1) > 2
    for identifier in client.get("/instances").json():
        path = f"/instances/{identifier}/attachments/dicom"
        assert client.get(f"{path}/is-compressed").text == "1"
        assert client.post(f"{path}/verify-md5").text == "{}"
