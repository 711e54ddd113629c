"""Large presigned uploads are finished by a job: once, whoever dies, with the answer of a call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from nephele.aws import clients, multipart
from nephele.aws.bucket import Bucket
from nephele.aws.index import job_leases, jobs
from nephele.aws.index.capacity import list_reservations
from nephele.aws.keys import parse_instance_key
from nephele.aws.multipart import MultipartUpload
from nephele.domain.jobs import Job, JobState
from nephele.errors import Unavailable, UnknownResource
from nephele.rest.app import create_app
from nephele.services import adopt_upload, attach_job, presigned, upload_steps
from nephele.services.archive import Archive
from nephele.services.index_objects import index_objects
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import wait_for
from nephele.services.purge import purge
from nephele.services.transcode_objects import transcode_object
from tests.unit.conftest import dicom_file, make_archive, messages
from tests.unit.emulated import emulated_aws
from tests.unit.jobs.conftest import finish
from tests.unit.jobs.test_zip_job import COUNT, zipped
from tests.unit.keeping.conftest import clear, follow_commits
from tests.unit.rest.conftest import Client
from tests.unit.services.test_ingest import with_options

MIB = 1 << 20
PART_BYTES = 5 * MIB
"""The smallest part that S3 takes before the last one."""
LARGE = bytes(range(256)) * (11 * MIB // 256)
"""Pixels of three such parts."""
Asked = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def emulated() -> Iterator[Archive]:
    """Open an archive on the emulated AWS, which takes a fourth of moto's time."""
    with emulated_aws():
        yield make_archive(table="index")


@pytest.fixture
def archive(emulated: Archive) -> Archive:
    """Return the archive, emptied."""
    clear(emulated)
    for begun in uploads_begun():
        emulated.bucket.upload(begun["Key"], begun["UploadId"]).abort()
    return emulated


@pytest.fixture
def client(archive: Archive) -> Client:
    return Client(create_app(lambda: archive))


@pytest.fixture(autouse=True)
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave all to the job; what is more than a part of S3 is copied in parts."""
    monkeypatch.setattr(presigned, "LARGEST_IN_CALL_BYTES", 1)
    monkeypatch.setattr(presigned, "PARTS_IN_CALL", 2)
    monkeypatch.setattr(multipart, "COPY_PART_BYTES", PART_BYTES)


@pytest.fixture
def jobs_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function do the jobs a call waits for."""

    def run(archive: Archive, job: Job) -> Job:
        finish(archive, 100)
        return wait_for(archive, job.identifier)

    monkeypatch.setattr(presigned, "run_or_wait", run)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls begin jobs and wait for none."""
    monkeypatch.setattr(presigned, "run_or_wait", lambda _, job: job)


def upload(client: Client, body: bytes, part_bytes: int = PART_BYTES) -> Asked:
    """Upload presigned parts; return where the upload is completed, and with what."""
    opened = client.post("/uploads", json={"Size": len(body)}).json()
    etags = [
        clients.s3().upload_part(
            Bucket="archive",
            Key=f"uploads/{opened['ID']}",
            UploadId=opened["UploadId"],
            PartNumber=number,
            Body=body[start : start + part_bytes],
        )["ETag"]
        for number, start in enumerate(range(0, len(body), part_bytes), 1)
    ]
    return f"{opened['Path']}/complete", {"UploadId": opened["UploadId"], "ETags": etags}


def complete(client: Client, asked: Asked) -> httpx.Response:
    path, body = asked
    return client.post(path, json=body)


def identifier_of(asked: Asked) -> str:
    return asked[0].split("/")[2]


def keys_below(*prefixes: str) -> list[str]:
    found = clients.s3().list_objects_v2(Bucket="archive").get("Contents", [])
    return [item["Key"] for item in found if item["Key"].startswith(prefixes)]


def leftovers() -> list[str]:
    """Return what is kept only until an upload is stored."""
    begun = [one["Key"] for one in uploads_begun()]
    return keys_below("uploads/", "derived/jobs/") + begun


def uploads_begun() -> list[Any]:
    return list(clients.s3().list_multipart_uploads(Bucket="archive").get("Uploads", []))


def read(archive: Archive, identifier: str) -> Job:
    found = jobs.job(archive.index.table, identifier)
    assert found is not None
    return found


def go_on(archive: Archive, identifier: str) -> Job:
    """Run slices of a job, as its messages ask, until it is over."""
    while not (job := read(archive, identifier)).state.is_final:
        message = {"job": identifier, "turn": job.turn}
        run_message(archive, message, load_kind, lambda: True)
    return job


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.mark.usefixtures("jobs_function")
@pytest.mark.parametrize("part_bytes", [PART_BYTES, 12 * MIB], ids=["many parts", "one large part"])
def test_the_answer_is_that_of_a_call(client: Client, archive: Archive, part_bytes: int) -> None:
    content = dicom_file(PixelData=LARGE)
    asked = upload(client, content, part_bytes)
    answer = complete(client, asked)
    assert answer.status_code == 200
    told = answer.json()
    assert told["Status"] == "Success"
    assert client.get(f"{told['Path']}/file").content == content
    assert client.get(f"{told['Path']}/attachments/dicom/md5").text == md5(content)
    assert client.post(f"{told['Path']}/attachments/dicom/verify-md5").text == "{}"
    (key,) = keys_below("dicom/")
    assert parse_instance_key(key).uuid == identifier_of(asked)  # type: ignore[union-attr]
    assert leftovers() == []
    assert client.get("/jobs").json() == []
    assert complete(client, asked).json() == told, "who asks again gets the answer that was kept"
    again = complete(client, upload(client, content, part_bytes)).json()
    assert again == {**told, "Status": "AlreadyStored"}
    assert again == client.post("/instances", content=content).json()
    assert archive.index.totals().instances == 1


@pytest.mark.usefixtures("no_patience")
def test_it_goes_on_where_it_was_left(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each slice has time for one step; who asks meanwhile is told of the same job."""
    monkeypatch.setattr(upload_steps, "COPIES_AT_ONCE", 1)
    copied = count_copies(monkeypatch)
    asked = upload(client, dicom_file(PixelData=LARGE))
    answer = complete(client, asked)
    assert answer.status_code == 303
    assert complete(client, asked).headers["location"] == answer.headers["location"]
    assert finish(archive, 1) >= 4
    assert copied == [1, 2, 3]
    assert client.get(answer.headers["location"]).json()["Status"] == "Success"
    assert archive.index.totals().instances == 1
    assert leftovers() == []


def count_copies(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the numbers of the parts that are copied."""
    copied: list[int] = []
    copy_parts = MultipartUpload.copy_parts

    def note(upload: MultipartUpload, source: str, ranges: Any) -> list[str]:
        etags = copy_parts(upload, source, ranges)
        copied.extend(ranges)
        return etags

    monkeypatch.setattr(MultipartUpload, "copy_parts", note)
    return copied


STEPS = (
    (MultipartUpload, "complete"),
    (MultipartUpload, "copy_parts"),
    (Bucket, "begin_upload"),
    (Bucket, "copy"),
    (Bucket, "delete"),
    (Slice, "checkpoint"),
    (adopt_upload, "reserve"),
    (adopt_upload, "commit_all"),
    (attach_job, "keep_attachment"),
    (job_leases, "end"),
)
"""What of a worker's work others can see."""


class Deaths:
    """Lets a worker die at its n-th step: before it, or after it and before anything else."""

    def __init__(self) -> None:
        self.left = -1
        self.is_before = False

    @contextmanager
    def at(self, number: int, *, is_before: bool) -> Iterator[None]:
        """Let the step of this number, from 0, be the last one of whoever works meanwhile."""
        self.left, self.is_before = number, is_before
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in STEPS:
                patch.setattr(owner, name, self._deadly(getattr(owner, name)))
            yield
        self.left = -1

    def _deadly(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def take(*arguments: Any, **more: Any) -> Any:
            is_last, self.left = self.left == 0, self.left - 1
            if is_last and self.is_before:
                raise KeyboardInterrupt
            answer = step(*arguments, **more)
            if is_last:
                raise KeyboardInterrupt
            return answer

        return take


def killed(
    archive: Archive, identifier: str, pass_time: Callable[[], None], number: int, is_before: bool
) -> bool:
    """Run a job whose worker dies at a step, and another one after it; False for none such."""
    try:
        with Deaths().at(number, is_before=is_before):
            go_on(archive, identifier)
    except KeyboardInterrupt:
        pass_time()
        go_on(archive, identifier)
        return True
    return False


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("pixels", [LARGE, LARGE[:1000]], ids=["in parts", "at once"])
def test_a_worker_may_die_at_any_step(
    client: Client, archive: Archive, deaths: Callable[[], None], pixels: bytes, is_before: bool
) -> None:
    """Each time the instance is there once, as a success, and nothing is left over."""
    for number in range(40):
        content = dicom_file(SOPInstanceUID=f"1.2.3.{number}", PixelData=pixels)
        asked = upload(client, content)
        location = complete(client, asked).headers["location"]
        is_dead = killed(archive, identifier_of(asked), deaths, number, is_before)
        told = client.get(location).json()
        assert told["Status"] == "Success", number
        assert archive.bucket.read(instance_key(told["ID"], asked)) == content
        assert archive.index.totals().instances == number + 1
        assert [key for key in leftovers() if key.startswith(("uploads/", "derived/"))] == []
        messages(archive, "jobs")
        if not is_dead:
            break
    assert 10 < number < 39
    assert len(keys_below("dicom/")) == number + 1


def instance_key(orthanc_id: str, asked: Asked) -> str:
    (key,) = keys_below(f"dicom/{orthanc_id[:2]}/{orthanc_id}/")
    assert key.endswith(identifier_of(asked))
    return key


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_its_event_may_be_faster(
    client: Client, archive: Archive, deaths: Callable[[], None], is_known: bool
) -> None:
    """Whoever indexes the object first, and removes one that is for nothing, the answer is one."""
    content = dicom_file(PixelData=LARGE)
    if is_known:
        client.post("/instances", content=content)
    asked = upload(client, content)
    complete(client, asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adopt_upload, "commit_all", _die)
        with pytest.raises(KeyboardInterrupt):
            go_on(archive, identifier_of(asked))
    copied = [key for key in keys_below("dicom/") if key.endswith(identifier_of(asked))]
    assert index_objects(archive, copied) == {}
    messages(archive, "stable")
    for message in messages(archive, "purge"):
        purge(archive, message["purge"])
    deaths()
    told = go_on(archive, identifier_of(asked)).content
    assert told["Status"] == ("AlreadyStored" if is_known else "Success")
    assert archive.index.totals().instances == 1
    assert leftovers() == []


def _die(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("no_patience")
def test_parts_that_are_copied_are_not_copied_again(
    client: Client,
    archive: Archive,
    deaths: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload_steps, "COPIES_AT_ONCE", 1)
    copied = count_copies(monkeypatch)
    asked = upload(client, dicom_file(PixelData=LARGE))
    complete(client, asked)

    def die_at_the_third(_: Slice) -> bool:
        if copied == [1, 2]:
            raise KeyboardInterrupt
        return True

    with monkeypatch.context() as patch:
        patch.setattr(Slice, "has_time", die_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            go_on(archive, identifier_of(asked))
    deaths()
    assert go_on(archive, identifier_of(asked)).state is JobState.SUCCESS
    assert copied == [1, 2, 3]


LIMITS = '{"MaximumStorageSize": 20, "MaximumStorageMode": "Reject"}'
"""Room for one large file, not for two."""


def die_once_there(archive: Archive, identifier: str, area: str) -> None:
    """Let a worker die before its next checkpoint, once the object is whole in an area."""

    def complete(upload: MultipartUpload, etags: list[str]) -> None:
        real(upload, etags)
        if upload.key.startswith(area):
            raise KeyboardInterrupt

    real = MultipartUpload.complete
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MultipartUpload, "complete", complete)
        with pytest.raises(KeyboardInterrupt):
            go_on(archive, identifier)


def purge_all(archive: Archive) -> None:
    """Do what the functions behind the stream do for objects that nobody needs."""
    follow_commits(archive)
    for message in messages(archive, "purge"):
        purge(archive, message["purge"])


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("is_indexed", [True, False], ids=["counted", "promised"])
def test_room_is_made_once(
    archive: Archive, deaths: Callable[[], None], *, is_indexed: bool
) -> None:
    limited = with_options(archive, LIMITS)
    asked = upload(Client(create_app(lambda: limited)), dicom_file(PixelData=LARGE))
    complete(Client(create_app(lambda: limited)), asked)
    die_once_there(limited, identifier_of(asked), "dicom/")
    if is_indexed:
        assert index_objects(limited, keys_below("dicom/")) == {}
    deaths()
    job = go_on(limited, identifier_of(asked))
    assert (job.state, job.content["Status"]) == (JobState.SUCCESS, "Success")
    assert list_reservations(archive.index.table) == []
    assert archive.index.totals().instances == 1
    assert leftovers() == []


@pytest.mark.usefixtures("no_patience")
def test_what_was_deleted_meanwhile_is_not_copied_again(
    client: Client, archive: Archive, deaths: Callable[[], None]
) -> None:
    asked = upload(client, dicom_file(PixelData=LARGE))
    complete(client, asked)
    die_once_there(archive, identifier_of(asked), "dicom/")
    assert index_objects(archive, keys_below("dicom/")) == {}
    (instance,) = client.get("/instances").json()
    client.delete(f"/instances/{instance}")
    purge_all(archive)
    assert keys_below("dicom/") == []
    deaths()
    assert go_on(archive, identifier_of(asked)).state is JobState.SUCCESS
    assert keys_below("dicom/") == []
    assert archive.index.totals().instances == 0


@pytest.mark.usefixtures("no_patience")
def test_what_was_transcoded_meanwhile_is_not_copied_again(
    archive: Archive, deaths: Callable[[], None]
) -> None:
    options = LIMITS.replace("}", ', "IngestTranscoding": "1.2.840.10008.1.2.5"}')
    limited = with_options(archive, options)
    asked = upload(Client(create_app(lambda: limited)), dicom_file(PixelData=LARGE))
    complete(Client(create_app(lambda: limited)), asked)
    die_once_there(limited, identifier_of(asked), "raw/")
    transcode_object(limited, keys_below("raw/")[0])
    assert index_objects(limited, keys_below("dicom/")) == {}
    deaths()
    assert go_on(limited, identifier_of(asked)).state is JobState.SUCCESS
    assert keys_below("raw/") == []
    assert list_reservations(archive.index.table) == []


@pytest.mark.usefixtures("no_patience")
def test_a_copy_that_was_given_up_begins_anew(
    client: Client, archive: Archive, deaths: Callable[[], None]
) -> None:
    """As after a week, when the bucket's rule removes its parts."""
    content = dicom_file(PixelData=LARGE)
    asked = upload(client, content)
    complete(client, asked)
    with Deaths().at(9, is_before=False), pytest.raises(KeyboardInterrupt):
        go_on(archive, identifier_of(asked))
    deaths()
    (begun,) = uploads_begun()
    assert begun["Key"].startswith("dicom/")
    archive.bucket.upload(begun["Key"], begun["UploadId"]).abort()
    assert go_on(archive, identifier_of(asked)).state is JobState.SUCCESS
    (key,) = keys_below("dicom/")
    assert archive.bucket.read(key) == content
    assert leftovers() == []


@pytest.mark.usefixtures("jobs_function")
def test_what_is_no_instance_is_refused_and_not_kept(client: Client) -> None:
    asked = upload(client, dicom_file(PixelData=LARGE)[:-10])
    answer = complete(client, asked)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 15)
    assert keys_below("uploads/", "dicom/") == []
    assert complete(client, asked).json()["OrthancStatus"] == 15, "and that is told again"


@pytest.mark.usefixtures("jobs_function")
def test_there_must_be_room(archive: Archive) -> None:
    """The upload stays for another try, and no promise does."""
    limited = with_options(archive, '{"MaximumStorageSize": 5, "MaximumStorageMode": "Reject"}')
    client = Client(create_app(lambda: limited))
    asked = upload(client, dicom_file(PixelData=LARGE))
    answer = complete(client, asked)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (507, 19)
    assert keys_below("uploads/") != []
    assert list_reservations(archive.index.table) == []
    wide = Client(create_app(lambda: archive))
    assert complete(wide, asked).json()["Status"] == "Success"
    assert leftovers() == []


@pytest.mark.usefixtures("no_patience")
def test_promises_of_room_end_with_what_they_were_for(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = with_options(archive, '{"MaximumStorageSize": 50, "MaximumStorageMode": "Reject"}')
    client = Client(create_app(lambda: limited))
    asked = upload(client, dicom_file(PixelData=LARGE))
    complete(client, asked)

    def fail(*_: object) -> None:
        raise Unavailable("upload: SlowDown")

    with monkeypatch.context() as patch:
        patch.setattr(MultipartUpload, "copy_parts", fail)
        with pytest.raises(Unavailable):
            go_on(limited, identifier_of(asked))
    assert read(archive, identifier_of(asked)).state is JobState.RETRY
    assert list_reservations(archive.index.table) == []
    assert go_on(limited, identifier_of(asked)).state is JobState.SUCCESS
    assert list_reservations(archive.index.table) == []


@pytest.mark.usefixtures("jobs_function")
@pytest.mark.parametrize("part_bytes", [PART_BYTES, 12 * MIB], ids=["many parts", "one large part"])
def test_other_parts_than_there_are_can_be_corrected(client: Client, part_bytes: int) -> None:
    path, body = upload(client, dicom_file(PixelData=LARGE), part_bytes)
    wrong = ['"0"'] * len(body["ETags"])
    answer = complete(client, (path, body | {"ETags": wrong}))
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 3)
    assert "InvalidPart" in answer.json()["Details"]
    assert complete(client, (path, body)).json()["Status"] == "Success"
    assert leftovers() == []


@pytest.mark.usefixtures("jobs_function")
def test_an_upload_there_is_not(client: Client) -> None:
    asked = upload(client, dicom_file(PixelData=LARGE))
    client.post(asked[0].replace("complete", "abort"), json=asked[1])
    for _ in range(2):
        answer = complete(client, asked)
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 17)


@pytest.mark.usefixtures("no_patience")
def test_s3_may_still_be_at_it(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of S3 was lost: the upload is gone, and its object not there yet."""
    asked = upload(client, dicom_file(PixelData=LARGE))
    complete(client, asked)
    with monkeypatch.context() as patch:
        patch.setattr(multipart.MultipartUpload, "complete", _fail_unavailable)
        with pytest.raises(Unavailable):
            go_on(archive, identifier_of(asked))
        patch.setattr(multipart.MultipartUpload, "complete", _fail_absent)
        with pytest.raises(Unavailable):
            go_on(archive, identifier_of(asked))
    assert go_on(archive, identifier_of(asked)).state is JobState.SUCCESS


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("is_in_call", [False, True], ids=["by the job", "by the call"])
@pytest.mark.parametrize("attempts", [1, 2])
def test_only_the_first_attempt_is_told_that_there_is_no_upload(
    client: Client,
    archive: Archive,
    monkeypatch: pytest.MonkeyPatch,
    attempts: int,
    *,
    is_in_call: bool,
) -> None:
    """What a repeated request is told may be of the one before, which S3 may still be at."""

    def complete_multipart_upload(**_: Any) -> None:
        told: Any = {
            "Error": {"Code": "NoSuchUpload"},
            "ResponseMetadata": {"RetryAttempts": attempts - 1},
        }
        raise ClientError(told, "CompleteMultipartUpload")

    monkeypatch.setattr(presigned, "PARTS_IN_CALL", 9 if is_in_call else 0)
    asked = upload(client, dicom_file(PixelData=LARGE))
    with monkeypatch.context() as patch:
        patch.setattr(clients.s3(), "complete_multipart_upload", complete_multipart_upload)
        answer = complete(client, asked)
        if is_in_call:
            assert answer.status_code == (404 if attempts == 1 else 503)
        elif attempts == 1:
            assert go_on(archive, identifier_of(asked)).error == "UnknownResource"
        else:
            with pytest.raises(Unavailable):
                go_on(archive, identifier_of(asked))
    complete(client, asked)
    assert go_on(archive, identifier_of(asked)).state is JobState.SUCCESS


@pytest.mark.usefixtures("no_patience")
def test_an_upload_that_is_an_object_already_is_complete(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few parts are completed by the call: S3 may know of no such upload then."""
    asked = upload(client, dicom_file())
    complete(client, asked)
    assert keys_below("uploads/") == [f"uploads/{identifier_of(asked)}"]
    monkeypatch.setattr(MultipartUpload, "complete", _fail_absent)
    assert go_on(archive, identifier_of(asked)).state is JobState.SUCCESS


def _fail_unavailable(*_: object) -> None:
    raise Unavailable("upload: ReadTimeoutError")


def _fail_absent(*_: object) -> None:
    raise UnknownResource("upload does not exist")


@pytest.mark.usefixtures("jobs_function")
def test_digests_that_would_take_too_long_are_left_out(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_steps, "_READING_SECONDS", -1.0)
    content = dicom_file(PixelData=LARGE)
    told = complete(client, upload(client, content)).json()
    assert told["Status"] == "Success"
    assert client.get(f"{told['Path']}/file").content == content
    assert client.get(f"{told['Path']}/attachments/dicom/md5").status_code == 404


@pytest.mark.usefixtures("jobs_function")
def test_it_is_transcoded_after_that(archive: Archive) -> None:
    """Its event has it transcoded; the MD5 it came with is kept."""
    rle = with_options(archive, '{"IngestTranscoding": "1.2.840.10008.1.2.5"}')
    client = Client(create_app(lambda: rle))
    content = dicom_file()
    told = complete(client, upload(client, content)).json()
    assert told["Status"] == "Success"
    (key,) = keys_below("raw/", "dicom/")
    assert key.startswith(f"raw/{told['ID'][:2]}/{told['ID']}/")
    assert archive.bucket.read(key) == content
    assert transcode_object(rle, key) == told["ID"]
    (final,) = keys_below("raw/", "dicom/")
    assert archive.bucket.head(final).metadata["original-md5"] == md5(content)
    assert leftovers() == []


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_a_zip_archive_of_many_parts(
    client: Client,
    archive: Archive,
    deaths: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    is_before: bool,
) -> None:
    monkeypatch.setattr(presigned, "PARTS_IN_CALL", 0)
    for number in range(40):
        asked = upload(client, zipped())
        location = complete(client, asked).headers["location"]
        is_dead = killed(archive, identifier_of(asked), deaths, number, is_before)
        told = client.get(location).json()
        assert len(told) == COUNT == archive.index.totals().instances
        assert leftovers() == []
        messages(archive, "jobs")
        if not is_dead:
            break
    assert 3 < number < 39


def attach(client: Client, path: str, asked: Asked, expected: str = "") -> httpx.Response:
    headers = {"If-Match": expected} if expected else {}
    return client.post(asked[0], json=asked[1] | {"Attachment": path}, headers=headers)


@pytest.mark.usefixtures("jobs_function")
def test_an_attachment_is_answered_as_by_a_call(client: Client) -> None:
    study = client.post("/instances", content=dicom_file()).json()["ParentStudy"]
    path = f"/studies/{study}/attachments/1025"
    asked = upload(client, LARGE)
    answer = attach(client, path, asked)
    assert (answer.status_code, answer.text) == (200, "{}")
    assert answer.headers["etag"] == f'"0-{md5(LARGE)}"'
    assert client.get(f"{path}/data").content == LARGE
    assert client.post(f"{path}/verify-md5").text == "{}"
    assert attach(client, path, asked).headers["etag"] == answer.headers["etag"]
    assert len(keys_below("attachments/")) == 1
    assert leftovers() == []
    other = upload(client, LARGE[::-1])
    refused = attach(client, path, other, '"7-abc"')
    assert refused.status_code == 409
    replaced = attach(client, path, other, answer.headers["etag"])
    assert replaced.headers["etag"] == f'"1-{md5(LARGE[::-1])}"'
    assert client.get(f"{path}/data").content == LARGE[::-1]
    assert leftovers() == []


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_an_attachment_outlives_its_worker(
    client: Client, archive: Archive, deaths: Callable[[], None], is_before: bool
) -> None:
    study = client.post("/instances", content=dicom_file()).json()["ParentStudy"]
    for number in range(40):
        path = f"/studies/{study}/attachments/{1024 + number}"
        asked = upload(client, LARGE)
        location = attach(client, path, asked).headers["location"]
        is_dead = killed(archive, location.split("/")[2], deaths, number, is_before)
        answer = client.get(location)
        assert (answer.text, answer.headers["etag"]) == ("{}", f'"0-{md5(LARGE)}"')
        assert client.get(f"{path}/md5").text == md5(LARGE)
        assert keys_below("uploads/", "derived/") == []
        messages(archive, "jobs")
        if not is_dead:
            break
    assert 8 < number < 39
    assert len(keys_below("attachments/")) == number + 1


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "late"])
def test_a_copy_that_no_resource_takes_is_purged(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch, *, is_late: bool
) -> None:
    """A job that begins anew has another copy: whenever the first one is purged, it stays."""
    study = client.post("/instances", content=dicom_file()).json()["ParentStudy"]
    path = f"/studies/{study}/attachments/1025"
    asked = upload(client, LARGE)
    identifier = attach(client, path, asked).headers["location"].split("/")[2]

    def copy_and_delete(*arguments: Any) -> bool:
        is_done = upload_steps.copy_upload(*arguments)
        client.delete(f"/studies/{study}")
        return is_done

    with monkeypatch.context() as patch:
        patch.setattr(attach_job, "copy_upload", copy_and_delete)
        assert go_on(archive, identifier).error == "UnknownResource"
    assert len(keys_below("attachments/")) == 1
    if not is_late:
        purge_all(archive)
        assert keys_below("attachments/") == []
    client.post("/instances", content=dicom_file())
    attach(client, path, asked)
    assert go_on(archive, identifier).state is JobState.SUCCESS
    purge_all(archive)
    assert len(keys_below("attachments/")) == 1
    assert client.get(f"{path}/data").content == LARGE


@pytest.mark.usefixtures("no_patience")
def test_a_copy_whose_resource_went_before_that_was_known_is_purged(
    client: Client, archive: Archive, deaths: Callable[[], None]
) -> None:
    study = client.post("/instances", content=dicom_file()).json()["ParentStudy"]
    asked = upload(client, LARGE)
    told = attach(client, f"/studies/{study}/attachments/1025", asked)
    identifier = told.headers["location"].split("/")[2]
    die_once_there(archive, identifier, "attachments/")
    assert len(keys_below("attachments/")) == 1
    client.delete(f"/studies/{study}")
    deaths()
    assert go_on(archive, identifier).error == "UnknownResource"
    purge_all(archive)
    assert keys_below("attachments/") == []
