"""Transcoding in the functions, under their own roles and memory: on reception and over REST."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from pynetdicom import AE

from nephele.aws import clock, object_metadata
from nephele.aws.keys import FINAL, RAW, InstanceKey
from nephele.aws.multipart import PART_BYTES
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity, OrthancId
from nephele.domain.provenance import Origin, Provenance
from tests.stack import Stack, running_stack
from tests.system.senders import Study, make_study, send
from tests.system.test_spine import objects_of

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
HTJ2K = "1.2.840.10008.1.2.4.201"
_MEMORY_MB = 1769


@pytest.fixture(scope="module")
def transcoding(tmp_path_factory: pytest.TempPathFactory, assemblies: Path) -> Iterator[Stack]:
    """Run a stack that keeps everything as High-Throughput JPEG 2000."""
    data = tmp_path_factory.mktemp("transcoding")
    configuration = {"IngestTranscoding": HTJ2K}
    with running_stack(data, assemblies, configuration=configuration) as running:
        yield running


def test_what_arrives_is_transcoded_and_comes_back_in_any_syntax(
    transcoding: Stack, tmp_path: Path
) -> None:
    study = make_study(tmp_path / "study", 3)
    send(transcoding, study.files)
    with transcoding.rest() as rest:
        for file, identity in zip(study.files, study.identities, strict=True):
            path = f"/instances/{identity.orthanc_id(Level.INSTANCE)}/file"
            kept = pydicom.dcmread(io.BytesIO(rest.get(path).content))
            assert kept.file_meta.TransferSyntaxUID == HTJ2K
            for _ in range(2):
                answer = rest.get(f"{path}?transcode={EXPLICIT}")
                back = pydicom.dcmread(io.BytesIO(answer.content))
                assert back.PixelData == pydicom.dcmread(file).PixelData
            assert rest.get(f"{path}?transcode=1.2.840.10008.1.2.4.100").status_code == 404
        assert any(
            key.startswith("derived/") for key in objects_of(transcoding, study.instance_ids)
        )
        rest.delete(f"/studies/{study.orthanc_id(Level.STUDY)}")
    transcoding.wait_idle()
    assert not objects_of(transcoding, study.instance_ids)


def test_files_from_before_follow_what_is_configured_now(
    transcoding: Stack, tmp_path: Path
) -> None:
    """As where `IngestTranscoding` came later: `ReconstructFiles`, under the roles of functions."""
    study = make_study(tmp_path / "study", 3)
    before = [_put_as_it_is(transcoding, file, i) for file, i in _with_ids(study)]
    transcoding.wait_idle()
    with transcoding.rest(follow_redirects=True) as rest:
        for file, identifier in _with_ids(study):
            assert rest.get(f"/instances/{identifier}/file").content == file.read_bytes()
        path = f"/studies/{study.orthanc_id(Level.STUDY)}/reconstruct"
        answer = rest.post(path, json={"ReconstructFiles": True})
        assert answer.status_code == 200, answer.text
        for file, identifier in _with_ids(study):
            kept = pydicom.dcmread(io.BytesIO(rest.get(f"/instances/{identifier}/file").content))
            assert kept.file_meta.TransferSyntaxUID == HTJ2K
            told = rest.get(f"/instances/{identifier}/metadata/TransferSyntax")
            assert told.text == HTJ2K
            back = rest.get(f"/instances/{identifier}/file?transcode={EXPLICIT}").content
            pixels = pydicom.dcmread(file).PixelData
            assert pydicom.dcmread(io.BytesIO(back)).PixelData == pixels
        (job,) = (
            one for one in rest.get("/jobs?expand").json() if one["Type"] == "ReconstructFiles"
        )
        assert (job["State"], job["Content"]["FailedInstancesCount"]) == ("Success", 0)
    transcoding.wait_idle()
    assert not set(before) & set(objects_of(transcoding, study.instance_ids))


def _with_ids(study: Study) -> list[tuple[Path, OrthancId]]:
    ids = [identity.orthanc_id(Level.INSTANCE) for identity in study.identities]
    return list(zip(study.files, ids, strict=True))


def _put_as_it_is(stack: Stack, file: Path, identifier: OrthancId) -> str:
    """Put a file where received ones stand, past what transcodes them; return its key."""
    s3, content = stack.client("s3"), file.read_bytes()
    (bucket,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if "-bucket" in one["Name"])
    key = str(InstanceKey(FINAL, identifier, clock.new_uuid()))
    provenance = Provenance(Origin.DICOM_PROTOCOL, clock.now(), "CT1", "ORTHANC", "127.0.0.1")
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    metadata = object_metadata.encode(provenance, md5, None)
    s3.put_object(Bucket=bucket, Key=key, Body=content, Metadata=metadata)
    return key


def test_one_id_leads_from_the_edge_through_every_function(transcoding: Stack) -> None:
    """Three receptions of 256 are traced, by their random ids: instances are sent until one is."""
    known = set(traces(transcoding, "edge"))
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    host, port = transcoding.dicom_address
    entity = AE()
    entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = entity.associate(host, port, ae_title="ORTHANC")
    assert association.is_established
    for _ in range(_MOST_SENT):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        assert association.send_c_store(dataset).Status == 0
        if found := traces(transcoding, "edge").keys() - known:
            break
    association.release()
    (trace,) = found
    transcoding.wait_idle(120)
    steps = {name: traces(transcoding, name).get(trace) for name in _WAY}
    assert steps == _WAY


_MOST_SENT = 2000
"""Not one of so many is traced once in 16 billion runs of the test."""
_WAY = {
    "edge": "received",
    "transcode": "transcoded",
    "index": "indexed",
    "metadata": "followed up",
}


def traces(stack: Stack, name: str) -> dict[str, str]:
    """Return the steps that a log tells of, by their traces."""
    lines = (line for line in stack.log(name).splitlines() if '"trace":' in line)
    found = map(json.loads, lines)
    return {line["trace"]: line["message"] for line in found}


def large_file(path: Path, frames: int) -> tuple[str, str]:
    """Write a multi-frame image of 512 KiB a frame; return its id and its pixels' digest."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    dataset.pop("DataSetTrailingPadding", None)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 512, 512, frames
    dataset.PixelData = b""
    dataset.save_as(path)
    random = np.random.default_rng(1)
    shades = np.add.outer(np.arange(512), np.arange(512))
    pixels = [
        (shades + random.integers(0, 64, (512, 512))).astype("<i2").tobytes() for _ in range(8)
    ]
    digest = hashlib.sha256()
    with path.open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write((frames * len(pixels[0])).to_bytes(4, "little"))
        for n in range(frames):
            file.write(pixels[n % len(pixels)])
            digest.update(pixels[n % len(pixels)])
    identity = Identity(
        dataset.PatientID,
        dataset.StudyInstanceUID,
        dataset.SeriesInstanceUID,
        dataset.SOPInstanceUID,
    )
    return identity.orthanc_id(Level.INSTANCE), digest.hexdigest()


def _skip_without_room(folder: Path, size_bytes: int) -> None:
    """Skip where the emulator has no room for a file as it came, as it is kept and as it goes.

    It keeps all versions on the disk, what was uploaded and what was staged too, and joins the
    parts of an upload in memory.
    """
    if shutil.disk_usage(folder).free < 7 * size_bytes:
        pytest.skip(f"{7 * size_bytes >> 30} GiB of disk are not free")
    if psutil.virtual_memory().available < 2 * size_bytes:
        pytest.skip(f"{2 * size_bytes >> 30} GiB of memory are not free")


def _upload(stack: Stack, path: Path, _orthanc_id: str) -> None:
    """Send a file by a presigned upload; what is large is waited for until its job ends."""
    command = [Path(sys.executable).with_name("nephele"), "import", path, "--url", stack.http]
    trust = ["--ca-bundle", stack.trusted]
    subprocess.run([*command, *trust], check=True, timeout=3600)


def _receive(stack: Stack, path: Path, orthanc_id: str) -> None:
    """Write a file where the edge writes what it receives, and as it does: in parts."""
    client = stack.client("s3")
    (bucket,) = (
        one["Name"]
        for one in client.list_buckets()["Buckets"]
        if client.get_bucket_notification_configuration(Bucket=one["Name"]).get(
            "QueueConfigurations"
        )
    )
    key = InstanceKey(RAW, OrthancId(orthanc_id), clock.new_uuid())
    provenance = Provenance(Origin.DICOM_PROTOCOL, clock.now())
    metadata = object_metadata.encode(provenance, "", None)
    named = {"Bucket": bucket, "Key": str(key)}
    upload = client.create_multipart_upload(**named, Metadata=metadata)["UploadId"]
    parts = []
    with path.open("rb") as file:
        for number, part in enumerate(iter(lambda: file.read(PART_BYTES), b""), 1):
            told = client.upload_part(**named, UploadId=upload, PartNumber=number, Body=part)
            parts.append({"PartNumber": number, "ETag": told["ETag"]})
    complete = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
    client.complete_multipart_upload(**named, **complete)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("frames", "send_large"),
    [
        pytest.param(400, _upload, id="200 MiB"),
        pytest.param(400, _receive, id="200 MiB, received"),
        pytest.param(1000, _upload, id="500 MiB"),
        pytest.param(2000, _upload, id="1 GiB"),
        pytest.param(7800, _upload, id="4 GB"),
        pytest.param(7800, _receive, id="4 GB, received"),
    ],
)
@pytest.mark.timeout(7200)
def test_a_large_image_passes_through_a_small_function(
    frames: int,
    send_large: Callable[[Stack, Path, str], None],
    transcoding: Stack,
    tmp_path: Path,
) -> None:
    _skip_without_room(tmp_path, frames * 512 * 1024)
    path = tmp_path / "large.dcm"
    orthanc_id, digest = large_file(path, frames)
    transcoding.reset_figures()
    size_bytes = path.stat().st_size
    send_large(transcoding, path, orthanc_id)
    path.unlink()
    transcoding.wait_idle(1800)
    with transcoding.rest(follow_redirects=True, max_redirects=100) as rest:
        shown = rest.get(f"/instances/{orthanc_id}").json()
        assert shown["FileSize"] < size_bytes * 3 // 4
        url = f"/instances/{orthanc_id}/file?transcode={EXPLICIT}"
        with rest.stream("GET", url, timeout=900) as answer:
            assert answer.status_code == 200
            with path.open("wb") as file:
                for chunk in answer.iter_bytes(1 << 20):
                    file.write(chunk)
        attached = f"/instances/{orthanc_id}/attachments/dicom"
        with rest.stream("GET", f"{attached}/data", timeout=900) as answer:
            kept = hashlib.md5(usedforsecurity=False)
            for chunk in answer.iter_bytes(1 << 20):
                kept.update(chunk)
        assert rest.get(f"{attached}/md5").text == kept.hexdigest()
    with path.open("rb") as file:
        file.seek(-frames * 512 * 1024, os.SEEK_END)
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest
    function = transcoding.status()["functions"]["transcode"]
    assert function["errors"] == 0
    assert function["peak_memory_mb"] < _MEMORY_MB / 2
