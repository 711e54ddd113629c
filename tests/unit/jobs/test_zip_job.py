"""A ZIP archive of many files is stored by a job: in slices, once, with Orthanc's answer."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from nephele.aws import clients
from nephele.aws.bucket import Bucket
from nephele.aws.index import job_lists, jobs
from nephele.domain.jobs import Job, JobState
from nephele.rest import zip_job
from nephele.rest.app import create_app
from nephele.services import uploads
from nephele.services.archive import Archive
from nephele.services.jobs import submit
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import wait_for
from tests.unit.conftest import dicom_file, messages
from tests.unit.jobs.conftest import finish, leave_after_a_step
from tests.unit.rest.conftest import Client

COUNT = 5


@pytest.fixture
def client(archive: Archive) -> Client:
    return Client(create_app(lambda: archive))


def zipped(count: int = COUNT) -> bytes:
    """Return a ZIP archive of so many instances, and a file that is none."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archived:
        for n in range(count):
            archived.writestr(f"{n}.dcm", dicom_file(SOPInstanceUID=f"1.2.3.{n}"))
            if n == 1:
                archived.writestr("readme.txt", b"hello")
    return buffer.getvalue()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MEMBERS_IN_CALL", 1)
    monkeypatch.setattr(uploads, "MEMBERS_AT_ONCE", 2)


@pytest.fixture
def jobs_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function do the jobs a call waits for."""

    def run(archive: Archive, job: Job) -> Job:
        finish(archive, 100)
        return wait_for(archive, job.identifier)

    monkeypatch.setattr(zip_job, "run_or_wait", run)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch, small: None) -> None:
    """Let calls store two members and leave the rest."""
    monkeypatch.setattr(zip_job, "run_or_wait", leave_after_a_step)


def leftovers() -> list[str]:
    """Return the keys of what uploads keep meanwhile."""
    found = clients.s3().list_objects_v2(Bucket="archive").get("Contents", [])
    return [item["Key"] for item in found if item["Key"].startswith("uploads/")]


def instances(client: Client) -> int:
    return len(client.get("/instances").json())


@pytest.mark.usefixtures("small", "jobs_function")
def test_the_answer_is_that_of_a_call(client: Client) -> None:
    by_job = client.post("/instances", content=zipped())
    assert by_job.status_code == 200
    assert [one["Status"] for one in by_job.json()] == ["Success"] * COUNT
    again = client.post("/instances", content=zipped())
    assert [one["Status"] for one in again.json()] == ["AlreadyStored"] * COUNT
    assert [one["ID"] for one in again.json()] == [one["ID"] for one in by_job.json()]
    assert leftovers() == []
    assert client.get("/jobs").json() == []


@pytest.mark.usefixtures("no_patience")
def test_it_goes_on_where_it_was_left(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is stored twice, though the client sends the same bytes again meanwhile."""
    written: list[str] = []
    put = Bucket.put

    def count(bucket: Bucket, key: str, *arguments: Any, **named: Any) -> None:
        written.append(key)
        put(bucket, key, *arguments, **named)

    monkeypatch.setattr(Bucket, "put", count)
    body = zipped()
    answer = client.post("/instances", content=body)
    assert answer.status_code == 303
    assert instances(client) == 2
    again = client.post("/instances", content=body)
    assert again.headers["location"] == answer.headers["location"]
    assert finish(archive, 1) >= 2
    told = client.get(answer.headers["location"]).json()
    assert [one["Status"] for one in told] == ["Success"] * COUNT
    assert len({one["ID"] for one in told}) == COUNT == instances(client)
    assert len([key for key in written if key.startswith("dicom/")]) == COUNT
    assert leftovers() == []


def test_as_many_are_unpacked_together_as_there_is_room_for(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at least; whether there is time is asked before each group."""
    size = len(dicom_file())
    monkeypatch.setattr(uploads, "free_bytes", lambda: 2 * 2 * size + size)
    together: list[int] = []
    store_group = uploads.store_group

    def note(archive: Archive, archived: Any, group: Any, provenance: Any) -> Any:
        together.append(len(group))
        return store_group(archive, archived, group, provenance)

    monkeypatch.setattr(zip_job, "store_group", note)
    monkeypatch.setattr(uploads, "store_group", note)
    assert client.post("/instances", content=zipped()).status_code == 200
    assert together == [3, 2, 1]
    monkeypatch.setattr(uploads, "free_bytes", lambda: -1)
    monkeypatch.setattr(uploads, "MEMBERS_IN_CALL", 1)
    monkeypatch.setattr(zip_job, "run_or_wait", lambda _, job: job)
    answer = client.post("/instances", content=zipped())
    assert answer.status_code == 303
    together.clear()
    assert finish(archive, 1) == COUNT + 1
    assert together == [1] * (COUNT + 1)


@pytest.mark.parametrize("job_type", ["RestoreDeleted", "StoreZip"])
def test_what_a_call_cannot_do_is_left_to_the_function(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, job_type: str
) -> None:
    """Its disk is too small for files of an archive, and it may not read the journal."""
    monkeypatch.setattr(submit, "load_kind", None)
    job = submit.submit(archive, job_type, {})
    assert submit.run_or_wait(archive, job, seconds=0.01).state is JobState.PENDING
    assert messages(archive, "jobs") == [{"job": job.identifier, "turn": 0}]


def upload(client: Client, body: bytes) -> tuple[str, dict[str, Any]]:
    """Upload a presigned part; return where the upload is completed, and with what."""
    opened = client.post("/uploads", json={"Size": len(body)}).json()
    part = clients.s3().upload_part(
        Bucket="archive",
        Key=f"uploads/{opened['ID']}",
        UploadId=opened["UploadId"],
        PartNumber=1,
        Body=body,
    )
    return f"{opened['Path']}/complete", {"UploadId": opened["UploadId"], "ETags": [part["ETag"]]}


@pytest.mark.usefixtures("jobs_function")
def test_a_presigned_archive_is_answered_at_once(client: Client) -> None:
    path, asked = upload(client, zipped())
    answer = client.post(path, json=asked)
    assert answer.status_code == 200
    assert [one["Status"] for one in answer.json()] == ["Success"] * COUNT
    assert client.post(path, json=asked).json() == answer.json()
    assert leftovers() == []


@pytest.mark.usefixtures("no_patience")
def test_a_presigned_archive_goes_on_too(client: Client, archive: Archive) -> None:
    """Whoever completes it again is told of the same job."""
    path, asked = upload(client, zipped())
    answer = client.post(path, json=asked)
    assert answer.status_code == 303
    assert client.post(path, json=asked).headers["location"] == answer.headers["location"]
    finish(archive, 1)
    told = client.get(answer.headers["location"]).json()
    assert [one["Status"] for one in told] == ["Success"] * COUNT
    assert leftovers() == []
    assert instances(client) == COUNT


@pytest.mark.usefixtures("no_patience")
def test_a_worker_that_dies_loses_one_step(
    client: Client,
    archive: Archive,
    monkeypatch: pytest.MonkeyPatch,
    deaths: Callable[[], None],
) -> None:
    """Those of the step in hand are stored again, and still one instance each."""
    answer = client.post("/instances", content=zipped())
    with monkeypatch.context() as patch:
        patch.setattr(Slice, "checkpoint", _die)
        with pytest.raises(KeyboardInterrupt):
            finish(archive, 9)
    assert instances(client) == 3
    deaths()
    (job,) = job_lists.list_jobs(archive.index.table)
    turn = read(archive, job.identifier).turn
    run_message(archive, {"job": job.identifier, "turn": turn}, load_kind, lambda: True)
    told = client.get(answer.headers["location"]).json()
    assert [one["Status"] for one in told[:2]] == ["Success", "Success"]
    assert len(told) == COUNT == instances(client)


def _die(_piece: Slice, _progress: float | None = None) -> None:
    raise KeyboardInterrupt


def read(archive: Archive, identifier: str) -> Job:
    """Return a job as it is now."""
    found = jobs.job(archive.index.table, identifier)
    assert found is not None
    return found


@pytest.mark.usefixtures("small", "jobs_function")
def test_a_damaged_archive_is_refused_and_not_kept(client: Client) -> None:
    body = bytearray(zipped())
    place = body.index(b"3.dcm")
    body[place + 100 : place + 160] = bytes(60)
    answer = client.post("/instances", content=bytes(body))
    assert answer.status_code == 400
    assert answer.json()["OrthancStatus"] == 15
    assert leftovers() == []
