"""The jobs that make archives: slices, deaths, helpers."""

from __future__ import annotations

import pytest

from nephele.aws.multipart import MultipartUpload
from nephele.domain.jobs import JobState
from nephele.errors import InexistentItem, Unavailable
from nephele.services.archive import Archive
from nephele.services.archives import job as archive_job
from nephele.services.archives import workshop
from nephele.services.jobs import control
from tests.unit.archives.conftest import (
    MEGABYTE,
    Steps,
    Study,
    again,
    client_of,
    made,
    submitted,
    work,
)
from tests.unit.services.test_lost_answers import lose_answers


def test_every_member_is_its_instance(stored: tuple[Archive, Study]) -> None:
    archive, study = stored
    job = submitted(archive, study)
    assert control.get_job(archive, job.identifier).state is JobState.PENDING
    with pytest.raises(InexistentItem):
        control.output(archive, job.identifier, "archive")
    work(archive)
    opened = made(archive, job)
    assert [opened.read(name) for name in opened.namelist()] == list(study.files)
    content = control.get_job(archive, job.identifier).content
    assert content["InstancesCount"] == len(study.files)
    assert content["UncompressedSize"] == str(sum(len(file) for file in study.files))
    answer = client_of(archive).get(f"/jobs/{job.identifier}/archive")
    assert answer.headers["content-disposition"] == 'filename="a.zip"'
    assert answer.headers["content-type"] == "application/zip"


def test_what_a_job_made_is_downloaded_in_pieces(stored: tuple[Archive, Study]) -> None:
    archive, study = stored
    job = submitted(archive, study)
    work(archive)
    client, path = client_of(archive), f"/jobs/{job.identifier}/archive"
    whole = client.get(path)
    tag = whole.headers["etag"]
    for condition in ({}, {"If-Range": tag}):
        rest = client.get(path, headers={"Range": "bytes=1000000-", **condition})
        assert (rest.status_code, rest.content) == (206, whole.content[1000000:])
        assert rest.headers["etag"] == tag
        size = len(whole.content)
        assert rest.headers["content-range"] == f"bytes 1000000-{size - 1}/{size}"
    other = client.get(path, headers={"Range": "bytes=1000000-", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)
    archive.bucket.delete(control.get_job(archive, job.identifier).output)
    gone = client.get(path)
    assert (gone.status_code, gone.json()["OrthancStatus"]) == (404, 7)


def test_slices_make_the_same_bytes(stored: tuple[Archive, Study]) -> None:
    archive, study = stored
    whole, sliced = submitted(archive, study), submitted(archive, study)
    work(archive, Steps(1))
    bodies = [
        archive.bucket.read(control.get_job(archive, one.identifier).output)
        for one in (whole, sliced)
    ]
    assert bodies[0] == bodies[1]
    other = submitted(archive, study)
    work(archive)
    assert archive.bucket.read(control.get_job(archive, other.identifier).output) == bodies[0]


@pytest.mark.parametrize("dies_at", [0, 1, 2, 3], ids=["first", "second", "third", "end"])
def test_a_part_that_fails_is_made_again(
    stored: tuple[Archive, Study], monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    archive, study = stored
    job = submitted(archive, study)
    calls = 0
    real = MultipartUpload.put

    def put(self: MultipartUpload, number: int, part: bytes) -> str:
        nonlocal calls
        calls += 1
        if calls == dies_at + 1:
            raise Unavailable("S3 is away")
        return real(self, number, part)

    monkeypatch.setattr(MultipartUpload, "put", put)
    with pytest.raises(Unavailable):
        work(archive)
    again(archive, job)
    assert len(made(archive, job).namelist()) == len(study.files)


def test_an_archive_whose_completion_was_answered_to_nobody_is_made_once(
    stored: tuple[Archive, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, study = stored
    job = submitted(archive, study)
    with monkeypatch.context() as patch:
        lose_answers(patch)
        with pytest.raises(Unavailable):
            work(archive)
    monkeypatch.setattr(MultipartUpload, "put", lambda *_: pytest.fail("made again"))
    again(archive, job)
    assert len(made(archive, job).namelist()) == len(study.files)


def test_helpers_do_a_share(stored: tuple[Archive, Study], monkeypatch: pytest.MonkeyPatch) -> None:
    archive, study = stored
    monkeypatch.setattr(archive_job, "_STEPS_OF_A_HELPER", 1)
    monkeypatch.setattr(archive_job, "SEGMENT_BYTES", MEGABYTE)
    monkeypatch.setattr(workshop, "_CLAIM_SECONDS", 0)
    job = submitted(archive, study)
    slices = work(archive, Steps(1))
    assert slices > 4
    opened = made(archive, job)
    assert [opened.read(name) for name in opened.namelist()] == list(study.files)
    helpers = archive_job.HELPER
    assert helpers not in {one.job_type for one in control.expand_jobs(archive)}


def test_parts_are_named_as_s3_has_them(
    stored: tuple[Archive, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writers of one part are told different ETags under KMS; S3 has the last one's."""
    archive, study = stored
    real = MultipartUpload.put
    monkeypatch.setattr(MultipartUpload, "put", lambda *part: real(*part) and '"another writer\'s"')
    job = submitted(archive, study)
    work(archive)
    opened = made(archive, job)
    assert [opened.read(name) for name in opened.namelist()] == list(study.files)


def test_a_cancelled_job_stops(stored: tuple[Archive, Study]) -> None:
    archive, study = stored
    job = submitted(archive, study)
    control.cancel(archive, job.identifier)
    work(archive)
    ended = control.get_job(archive, job.identifier)
    assert (ended.state, ended.error) == (JobState.FAILURE, "JobCanceled")
