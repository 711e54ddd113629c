"""From received bytes to an indexed instance: real files, any order, any number of times."""

from __future__ import annotations

import io

import orjson
import pytest

from nephele.aws.index.records import failure
from nephele.aws.keys import FINAL, RAW, InstanceKey
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.part10 import inspect_part10
from nephele.domain.resources import StoreStatus
from nephele.errors import BadFileFormat, MissingIdentifier
from nephele.services.archive import Archive
from nephele.services.delete import delete
from nephele.services.events import object_event, object_keys
from nephele.services.index_objects import index_objects
from nephele.services.messages import index_messages, transcode_messages
from nephele.services.receive import Receipt, receive, unindexed
from nephele.services.store import adopt_upload, store
from nephele.services.versions import list_aside
from nephele.settings.configuration import parse_configuration
from tests.unit.conftest import dicom_file, provenance


def take_in(archive: Archive, encoded: bytes, received: str = "20260101T000000.000000") -> Receipt:
    file = io.BytesIO(encoded)
    return receive(archive, file, inspect_part10(file), provenance(received))


def body(key: str) -> str:
    return orjson.dumps(object_event(key)).decode()


def with_options(archive: Archive, options: str) -> Archive:
    return Archive(parse_configuration(options), archive.bucket, archive.index, archive.queues)


def test_the_bytes_are_kept_as_they_came(archive: Archive) -> None:
    encoded = dicom_file()
    receipt = take_in(archive, encoded)
    assert archive.bucket.read(receipt.key) == encoded
    assert unindexed(archive, [receipt]) == [receipt]
    assert index_objects(archive, [receipt.key]) == {}
    assert unindexed(archive, [receipt]) == []
    instance = archive.index.resource(receipt.orthanc_id)
    assert instance is not None
    assert instance.file is not None
    assert instance.file.size_bytes == len(encoded)
    assert instance.metadata["RemoteAET"] == "CT1"
    assert instance.metadata["CalledAET"] == "NEPHELE"
    assert instance.metadata["ReceptionDate"] == "20260101T000000"
    assert (
        instance.main_tags["0008,0018"]
        == inspect_part10(io.BytesIO(encoded)).identity.sop_instance_uid
    )
    assert (
        archive.index.header(instance, archive.bucket)
        == encoded[: int(instance.metadata["PixelDataOffset"])]
    )


def test_events_late_and_again_change_nothing(archive: Archive) -> None:
    receipt = take_in(archive, dicom_file())
    batch = {"a": body(receipt.key), "b": body(receipt.key)}
    assert index_messages(archive, batch) == []
    totals = archive.index.totals()
    assert index_messages(archive, batch) == []
    assert archive.index.totals() == totals
    delete(archive, Level.INSTANCE, receipt.orthanc_id)
    assert index_messages(archive, batch) == []
    assert archive.index.resource(receipt.orthanc_id) is None
    assert unindexed(archive, [receipt]) == []


def test_one_bad_object_does_not_hold_up_the_others(archive: Archive) -> None:
    good = take_in(archive, dicom_file())
    bad_key = str(InstanceKey(FINAL, OrthancId("00000000-" * 4 + "00000000"), "u"))
    archive.bucket.put_large(bad_key, io.BytesIO(b"junk" * 100), {})
    batch = {"bad": body(bad_key), "good": body(good.key), "unreadable": "{"}
    assert sorted(index_messages(archive, batch)) == ["bad", "unreadable"]
    assert unindexed(archive, [good]) == []
    assert failure(archive.index.table, bad_key).startswith("BadFileFormat")


def test_an_object_that_is_gone_is_no_failure(archive: Archive) -> None:
    receipt = take_in(archive, dicom_file())
    archive.bucket.delete(receipt.key)
    assert index_messages(archive, {"a": body(receipt.key)}) == []


def test_keys_are_unquoted_and_test_events_name_none() -> None:
    assert object_keys(body("dicom/aa/a b+c/ü")) == ["dicom/aa/a b+c/ü"]
    assert object_keys('{"Service":"Amazon S3","Event":"s3:TestEvent"}') == []


def test_rest_answers_already_stored(archive: Archive) -> None:
    first = store(archive, io.BytesIO(dicom_file()), provenance("20260101T000000.000000"))
    again = store(archive, io.BytesIO(dicom_file()), provenance("20260102T000000.000000"))
    assert first.status is StoreStatus.SUCCESS
    assert again.status is StoreStatus.ALREADY_STORED
    assert again.orthanc_ids == first.orthanc_ids
    assert list_aside(archive) == []


def test_other_content_under_one_uid_is_kept_aside(archive: Archive) -> None:
    store(archive, io.BytesIO(dicom_file()), provenance("20260101T000000.000000"))
    other = dicom_file(StudyDescription="other")
    store(archive, io.BytesIO(other), provenance("20260102T000000.000000"))
    (version,) = list_aside(archive)
    assert archive.bucket.read(version.key) == other


@pytest.mark.parametrize(
    ("encoded", "error"),
    [
        (b"", BadFileFormat),
        (b"\0" * 128 + b"DICM", MissingIdentifier),
        (dicom_file()[:-100], BadFileFormat),
        (bytes(range(256)) * 400, BadFileFormat),
    ],
    ids=["empty", "nothing-in-it", "truncated", "not-dicom"],
)
def test_what_is_no_instance_is_not_stored(
    archive: Archive, encoded: bytes, error: type[Exception]
) -> None:
    with pytest.raises((error, BadFileFormat)):
        store(archive, io.BytesIO(encoded), provenance())
    assert list(archive.bucket.iter_objects("")) == []


def test_a_finished_upload_becomes_an_instance(archive: Archive) -> None:
    archive.bucket.put_large("uploads/1", io.BytesIO(dicom_file()), {})
    stored = adopt_upload(archive, "uploads/1", provenance())
    assert stored.status is StoreStatus.SUCCESS
    assert archive.index.resource(stored.orthanc_ids[Level.INSTANCE]) is not None
    assert list(archive.bucket.iter_objects("uploads/")) == []


def test_raw_objects_are_transcoded_once(archive: Archive) -> None:
    rle = with_options(archive, '{"IngestTranscoding": "1.2.840.10008.1.2.5"}')
    receipt = take_in(rle, dicom_file())
    assert receipt.key.startswith(f"{RAW}/")
    assert receipt.transcoding
    for _ in range(2):
        assert transcode_messages(rle, {"a": body(receipt.key)}) == []
    ((final, _),) = archive.bucket.iter_objects("dicom/")
    assert list(archive.bucket.iter_objects("raw/")) == []
    assert index_objects(rle, [final]) == {}
    assert unindexed(rle, [receipt]) == []
    instance = archive.index.resource(receipt.orthanc_id)
    assert instance is not None
    assert instance.metadata["TransferSyntax"] == "1.2.840.10008.1.2.5"


def test_what_cannot_be_transcoded_is_kept_as_it_came(archive: Archive) -> None:
    j2k = with_options(archive, '{"IngestTranscoding": "1.2.840.10008.1.2.4.90"}')
    encoded = dicom_file("rtdose_1frame.dcm", BitsStored=31)
    receipt = take_in(j2k, encoded)
    assert transcode_messages(j2k, {"a": body(receipt.key)}) == []
    ((final, _),) = archive.bucket.iter_objects("dicom/")
    assert archive.bucket.read(final) == encoded
    assert "transcoding-failure" in archive.bucket.head(final).metadata
    assert index_objects(j2k, [final]) == {}


def test_an_earlier_reception_that_comes_late_is_already_stored(archive: Archive) -> None:
    store(archive, io.BytesIO(dicom_file()), provenance("20260102T000000.000000"))
    late = store(archive, io.BytesIO(dicom_file()), provenance("20260101T000000.000000"))
    assert late.status is StoreStatus.ALREADY_STORED


def test_overwriting_answers_success(archive: Archive) -> None:
    overwriting = with_options(archive, '{"OverwriteInstances": true}')
    store(overwriting, io.BytesIO(dicom_file()), provenance("20260101T000000.000000"))
    again = store(overwriting, io.BytesIO(dicom_file()), provenance("20260102T000000.000000"))
    assert again.status is StoreStatus.SUCCESS
