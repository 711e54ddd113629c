"""Transcoding on the way in: what is known already, what fails, what is too large for memory."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast
from urllib.parse import unquote

import pydicom
import pytest

from nephele.aws import object_metadata, part_upload
from nephele.aws.keys import RAW
from nephele.domain.commitment import NO_SUCH_OBJECT_INSTANCE, Reference
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.part10 import inspect_part10
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.resources import Resource, StoreStatus
from nephele.domain.transcoding import source, transcode
from nephele.services.archive import Archive
from nephele.services.cloudwatch_metrics import INGEST_TRANSCODING_FAILED
from nephele.services.commitments import judge
from nephele.services.delete import delete
from nephele.services.index_objects import index_objects
from nephele.services.lookup import lookup
from nephele.services.messages import transcode_messages
from nephele.services.receive import receive, unindexed
from nephele.services.store import store
from tests.unit.conftest import dicom_file, provenance
from tests.unit.services.test_ingest import body, take_in, with_options

RLE = '{"IngestTranscoding": "1.2.840.10008.1.2.5"}'
LOSSY = '{"IngestTranscoding": "1.2.840.10008.1.2.4.91", "DicomLossyTranscodingQuality": 70}'
OTHERWISE = '{"IngestTranscoding": "1.2.840.10008.1.2.4.81"}'
ORIGINAL = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"


def instance_of(archive: Archive, orthanc_id: OrthancId) -> Resource:
    instance = archive.index.resource(orthanc_id)
    assert instance is not None
    return instance


def sent(archive: Archive, encoded: bytes, received: str) -> OrthancId | None:
    """Receive a file over DIMSE, transcode and index it; return the instance it is then."""
    receipt = take_in(archive, encoded, received)
    assert transcode_messages(archive, {"a": body(receipt.key)}) == []
    finals = [key for key, _ in archive.bucket.iter_objects("dicom/")]
    assert index_objects(archive, finals) == {}
    assert unindexed(archive, [receipt]) == []
    assert list(archive.bucket.iter_objects(f"{RAW}/")) == []
    found = archive.index.lookup("0008,0018", ORIGINAL)
    return found[0] if found else None


def test_an_original_sent_again_is_stored_already(archive: Archive) -> None:
    lossy = with_options(archive, LOSSY)
    first = store(lossy, io.BytesIO(dicom_file()), provenance("20260101T000000.000000"))
    again = store(lossy, io.BytesIO(dicom_file()), provenance("20260102T000000.000000"))
    other = store(
        with_options(archive, OTHERWISE),
        io.BytesIO(dicom_file()),
        provenance("20260103T000000.000000"),
    )
    assert first.status is StoreStatus.SUCCESS
    assert again.status is other.status is StoreStatus.ALREADY_STORED
    assert again.orthanc_ids == other.orthanc_ids == first.orthanc_ids
    assert archive.index.totals().instances == 1


def test_an_instance_is_found_by_its_original_uid(archive: Archive) -> None:
    lossy = with_options(archive, LOSSY)
    stored = store(lossy, io.BytesIO(dicom_file()), provenance())
    orthanc_id = stored.orthanc_ids[Level.INSTANCE]
    (found,) = lookup(archive, ORIGINAL)
    assert found.orthanc_id == orthanc_id
    assert found.metadata["OriginalSOPInstanceUID"] == ORIGINAL
    assert found.main_tags["0008,0018"] != ORIGINAL
    delete(archive, Level.INSTANCE, orthanc_id)
    assert lookup(archive, ORIGINAL) == []
    assert list(archive.index.table.iter_query(f"ID#0008,0018#{ORIGINAL}")) == []
    again = store(lossy, io.BytesIO(dicom_file()), provenance("20260102T000000.000000"))
    assert again.status is StoreStatus.SUCCESS
    assert again.orthanc_ids == stored.orthanc_ids


def test_an_original_is_committed_to(archive: Archive) -> None:
    lossy = with_options(archive, LOSSY)
    store(lossy, io.BytesIO(dicom_file()), provenance())
    sop_class = str(pydicom.dcmread(io.BytesIO(dicom_file())).SOPClassUID)
    assert judge(lossy, Reference(sop_class, ORIGINAL)).reason == 0
    assert judge(lossy, Reference(sop_class, f"{ORIGINAL}.1")).reason == NO_SUCH_OBJECT_INSTANCE


def test_events_find_what_was_sent_before_too(archive: Archive) -> None:
    first = sent(with_options(archive, LOSSY), dicom_file(), "20260101T000000.000000")
    again = sent(with_options(archive, OTHERWISE), dicom_file(), "20260102T000000.000000")
    assert first is not None
    assert first == again
    assert archive.index.totals().instances == 1
    assert instance_of(archive, first).metadata["TransferSyntax"] == "1.2.840.10008.1.2.4.91"


def test_other_content_under_the_same_uid_is_another_instance(archive: Archive) -> None:
    lossy = with_options(archive, LOSSY)
    store(lossy, io.BytesIO(dicom_file()), provenance())
    other = store(lossy, io.BytesIO(dicom_file(StudyDescription="other")), provenance())
    assert other.status is StoreStatus.SUCCESS
    assert archive.index.totals().instances == 2
    assert len(lookup(archive, ORIGINAL)) == 2


def test_what_a_rebuild_needs_is_in_the_bucket(archive: Archive) -> None:
    store(with_options(archive, LOSSY), io.BytesIO(dicom_file()), provenance())
    ((key, _),) = archive.bucket.iter_objects("dicom/")
    kept = object_metadata.decode_provenance(archive.bucket.head(key).metadata)
    assert kept.original_sop_instance_uid == ORIGINAL
    assert len(kept.original_digest) == 64
    md5 = hashlib.md5(dicom_file(), usedforsecurity=False).hexdigest()
    assert kept.original_md5 == md5
    (found,) = lookup(archive, ORIGINAL)
    assert found.metadata["OriginalMD5"] == md5


@pytest.mark.parametrize("way", ["REST", "DIMSE"])
def test_a_failure_is_told_and_counted(
    way: str, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    jpeg = with_options(archive, '{"IngestTranscoding": "1.2.840.10008.1.2.4.50"}')
    encoded = dicom_file()
    if way == "REST":
        stored = store(jpeg, io.BytesIO(encoded), provenance())
        orthanc_id: OrthancId | None = stored.orthanc_ids[Level.INSTANCE]
    else:
        orthanc_id = sent(jpeg, encoded, "20260101T000000.000000")
    assert orthanc_id is not None
    instance = instance_of(archive, orthanc_id)
    assert instance.file is not None
    assert archive.bucket.read(instance.file.key) == encoded
    assert "BitsAllocated (0028,0100)" in instance.metadata["IngestTranscodingFailure"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (counted,) = [line for line in lines if INGEST_TRANSCODING_FAILED in line]
    assert counted["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Nephele"


@pytest.mark.parametrize("way", ["REST", "DIMSE"])
def test_what_has_no_pixels_is_no_failure(
    way: str, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    rle, encoded = with_options(archive, RLE), dicom_file("rtplan.dcm")
    if way == "REST":
        store(rle, io.BytesIO(encoded), provenance())
    else:
        sent(rle, encoded, "20260101T000000.000000")
    ((key, _),) = archive.bucket.iter_objects("dicom/")
    assert archive.bucket.read(key) == encoded
    assert "transcoding-failure" not in archive.bucket.head(key).metadata
    assert INGEST_TRANSCODING_FAILED not in capsys.readouterr().out


def test_a_large_object_goes_in_parts(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_upload, "HELD_BYTES", 9 << 20)
    dataset = pydicom.dcmread(io.BytesIO(dicom_file()))
    frames = 1000
    dataset.NumberOfFrames, dataset.PixelData = frames, dataset.PixelData * frames
    file = io.BytesIO()
    dataset.save_as(file)
    implicit = with_options(archive, '{"IngestTranscoding": "1.2.840.10008.1.2"}')
    orthanc_id = sent(implicit, file.getvalue(), "20260101T000000.000000")
    assert orthanc_id is not None
    instance = instance_of(archive, orthanc_id)
    assert instance.file is not None
    result = pydicom.dcmread(io.BytesIO(archive.bucket.read(instance.file.key)))
    assert result.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert result.PixelData == dataset.PixelData
    whole = archive.bucket.read(instance.file.key)
    assert instance.file.md5 == hashlib.md5(whole, usedforsecurity=False).hexdigest()
    assert int(instance.metadata["PixelDataOffset"]) > 0
    assert [key for key, _ in archive.bucket.iter_objects("dicom/")] == [instance.file.key]


def test_a_frame_above_the_limit_is_kept_as_it_came(archive: Archive) -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom_file()))
    dataset.Rows, dataset.Columns, dataset.PixelData = 1024, 513, bytes(1024 * 513 * 2)
    file = io.BytesIO()
    dataset.save_as(file)
    options = '{"IngestTranscoding": "1.2.840.10008.1.2.5", "MaximumFrameSizeMB": 1}'
    sent(with_options(archive, options), file.getvalue(), "20260101T000000.000000")
    ((key, _),) = archive.bucket.iter_objects("dicom/")
    assert archive.bucket.read(key) == file.getvalue()
    reason = archive.bucket.head(key).metadata["transcoding-failure"]
    assert "Rows (0028,0010)" in unquote(reason)
    assert "1048576 are allowed" in unquote(reason)


def test_a_frame_for_which_the_function_is_too_small_is_kept_as_it_came(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "320")
    jpeg_2000 = with_options(archive, '{"IngestTranscoding": "1.2.840.10008.1.2.4.90"}')
    sent(jpeg_2000, dicom_file(), "20260101T000000.000000")
    ((key, _),) = archive.bucket.iter_objects("dicom/")
    assert archive.bucket.read(key) == dicom_file()
    reason = unquote(archive.bucket.head(key).metadata["transcoding-failure"])
    assert "Rows (0028,0010)" in reason
    assert "and the function has 320: `nephele transcode`" in reason


@pytest.mark.parametrize("way", ["REST", "DIMSE"])
def test_without_room_to_inflate_a_file_is_kept_as_it_came(
    way: str, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    deflated = transcode(dicom_file(), "1.2.840.10008.1.2.1.99").encoded

    def full_disk(_: int) -> BinaryIO:
        return cast("BinaryIO", Path("/dev/full").open("r+b", 0))

    monkeypatch.setattr(source, "tempfile", SimpleNamespace(SpooledTemporaryFile=full_disk))
    rle = with_options(archive, RLE)
    if way == "REST":
        store(rle, io.BytesIO(deflated), provenance())
    else:
        sent(rle, deflated, "20260101T000000.000000")
    ((key, _),) = archive.bucket.iter_objects("dicom/")
    assert archive.bucket.read(key) == deflated
    reason = archive.bucket.head(key).metadata["transcoding-failure"]
    assert unquote(reason) == "There is no room for the inflated data set in temporary storage"


def test_the_most_that_is_known_of_a_reception_fits_into_metadata() -> None:
    long = Provenance(
        Origin.REST_API,
        "20260101T000000.000000",
        remote_aet="é" * 16,
        called_aet="é" * 16,
        remote_ip="::1",
        http_username="ü" * 64,
        original_sop_instance_uid="1." * 32,
        original_digest="f" * 64,
        original_md5="f" * 32,
        transcoding_failure="(" * 1000,
    )
    encoded = object_metadata.encode(long, "f" * 32, 123456)
    assert sum(len(name) + len(value) for name, value in encoded.items()) < 2048
    assert object_metadata.decode_provenance(encoded) == replace(
        long, transcoding_failure="(" * 256
    )


def test_the_receipt_of_what_is_known_leads_to_it(archive: Archive) -> None:
    lossy = with_options(archive, LOSSY)
    first = sent(lossy, dicom_file(), "20260101T000000.000000")
    file = io.BytesIO(dicom_file())
    receipt = receive(lossy, file, inspect_part10(file), provenance("20260102T000000.000000"))
    assert unindexed(lossy, [receipt]) == [receipt]
    transcode_messages(lossy, {"a": body(receipt.key)})
    assert unindexed(lossy, [receipt]) == []
    assert archive.index.lookup("0008,0018", ORIGINAL) == [first]
