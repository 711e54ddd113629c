"""Archives while something changes: deletions, long transcoding, calls that end too early."""

from __future__ import annotations

import io
import zipfile
from urllib.parse import unquote_plus

import pydicom
import pytest

from nephele.domain.jobs import JobState
from nephele.domain.transcoding import transcode
from nephele.services import derived
from nephele.services.archive import Archive
from nephele.services.jobs import control, engine
from nephele.services.jobs.kinds import load_kind
from tests.unit.archives.conftest import (
    MEGABYTE,
    Steps,
    client_of,
    large_file,
    made,
    store,
    store_study,
    submitted,
    work,
)
from tests.unit.conftest import messages


def test_an_instance_that_is_deleted_meanwhile_is_left_out(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = store_study(archive)
    job = submitted(archive, study)
    client = client_of(archive)
    has_time = Steps(1)

    def delete_then_go_on() -> bool:
        if not deleted:
            deleted.append(client.delete(f"/instances/{study.instance_ids[3]}"))
            for key, _ in list(archive.bucket.iter_objects("dicom/")):
                if study.instance_ids[3] in key:
                    archive.bucket.delete(key)
        return has_time()

    deleted: list[object] = []
    work(archive, delete_then_go_on)
    assert len(made(archive, job).namelist()) == len(study.files) - 1


def test_what_is_gone_fails_the_job(archive: Archive) -> None:
    study = store_study(archive)
    job = submitted(archive, study)
    client_of(archive).delete(f"/studies/{study.orthanc_id}")
    work(archive)
    ended = control.get_job(archive, job.identifier)
    assert (ended.state, ended.error) == (JobState.FAILURE, "UnknownResource")


def test_transcoded_in_slices(archive: Archive) -> None:
    study = store(archive, tuple(large_file(n, (n + 1) * MEGABYTE, noise=0.1) for n in range(4)))
    job = submitted(archive, study, transcode="1.2.840.10008.1.2.5", is_media=True)
    work(archive, Steps(1))
    opened = made(archive, job)
    assert opened.namelist()[-1] == "DICOMDIR"
    for number, file in enumerate(study.files):
        image = pydicom.dcmread(io.BytesIO(opened.read(f"IMAGES/IM{number}")))
        assert image.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"
        original = pydicom.dcmread(io.BytesIO(file)).pixel_array
        assert (image.pixel_array == original).all()


def test_a_call_waits_for_a_large_archive(archive: Archive) -> None:
    study = store_study(archive)
    client = client_of(archive)
    path = f"/studies/{study.orthanc_id}/archive"
    answer = client.get(path)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        assert len(opened.namelist()) == len(study.files)
    rest = client.get(path, headers={"Range": "bytes=1000000-"})
    assert (rest.status_code, rest.content) == (206, answer.content[1000000:])
    assert client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_a_client_is_told_to_ask_again(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    study = store_study(archive)
    from nephele.services.jobs import submit

    monkeypatch.setattr(submit, "_SLICE_SECONDS", -1)
    monkeypatch.setattr(submit.run_or_wait, "__defaults__", (0.1,))
    monkeypatch.setattr(submit.wait_for, "__defaults__", (0.1,))
    client = client_of(archive)
    path = f"/studies/{study.orthanc_id}/archive"
    for method, content, status in (("GET", b"", 307), ("POST", b'{"Utf8": true}', 303)):
        answer = client.request(method, path, content=content)
        assert answer.status_code == status
        assert answer.headers["retry-after"] == "1"
        location = answer.headers["location"]
        assert location.startswith(f"{path}?job=")
        assert client.get(location).status_code == 307
        work(archive)
        assert client.get(location).content.startswith(b"PK")


def test_large_images_are_left_to_the_transcode_function(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    rle, explicit = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1"
    files = [large_file(n, 2 * MEGABYTE, noise=0.1) for n in range(3)]
    study = store(archive, tuple(transcode(file, rle).encoded for file in files))
    monkeypatch.setattr(derived, "LARGEST_AT_ONCE_BYTES", MEGABYTE)
    monkeypatch.setattr(derived, "_WAIT_SECONDS", 0)
    job = submitted(archive, study, transcode=explicit)
    left = 0
    while found := messages(archive, "jobs"):
        for message in found:
            engine.run_message(archive, message, load_kind, lambda: True)
        for event in messages(archive, "transcode"):
            left += 1
            key = unquote_plus(event["Records"][0]["s3"]["object"]["key"])
            derived.derive_object(archive, key, lambda: True)
        if not control.get_job(archive, job.identifier).state.is_final:
            engine.enqueue(archive, control.get_job(archive, job.identifier))
    assert left == len(files)
    opened = made(archive, job)
    for name, file in zip(opened.namelist(), files, strict=True):
        image = pydicom.dcmread(io.BytesIO(opened.read(name)))
        assert image.PixelData == pydicom.dcmread(io.BytesIO(file)).PixelData
