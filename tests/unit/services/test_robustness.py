"""What must not stop or delay others: poisoned objects, large ones, commits out of order."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from nephele.aws import clock, multipart
from nephele.aws.bucket import Bucket
from nephele.aws.index import keys
from nephele.aws.index.commit import Committer
from nephele.aws.index.records import put_receipt
from nephele.aws.keys import RAW, InstanceKey
from nephele.domain.levels import Level
from nephele.errors import UnknownResource
from nephele.services import (
    dead_letters,
    index_objects,
    same_content,
    store,
)
from nephele.services.archive import Archive
from nephele.services.changes import changes
from nephele.services.cloudwatch_metrics import INDEXED
from nephele.services.follow_up import follow_up
from nephele.services.messages import index_messages, last_tries, transcode_messages
from nephele.services.receive import unindexed
from nephele.services.reconcile import reconcile
from nephele.services.stability import settle
from tests.unit.conftest import dicom_file, entry, messages, provenance
from tests.unit.services.test_follow_up import at_once, outbox
from tests.unit.services.test_ingest import body, take_in, with_options

RLE = '{"IngestTranscoding": "1.2.840.10008.1.2.5"}'


def test_commits_whose_times_are_out_of_order_become_stable(
    archive: Archive, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = at_once(archive)
    for n, now in enumerate(("20260101T000010.000000", "20260101T000009.990000")):
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        committer.commit([entry(f"1.2.3.{n}", uuid=f"u{n}")])
    monkeypatch.undo()
    follow_up(archive, outbox(archive))
    assert [settle(archive, reminder) for reminder in messages(archive, "stable")] == [True] * 3
    kinds = [numbered.change.change_type for numbered in changes(archive).changes]
    assert sorted(kinds[-3:]) == ["StablePatient", "StableSeries", "StableStudy"]


def test_an_object_nobody_foresaw_does_not_hold_up_the_others(archive: Archive) -> None:
    good, bad = take_in(archive, dicom_file()), take_in(archive, dicom_file(SOPInstanceUID="1.9"))
    metadata = dict(archive.bucket.head(bad.key).metadata) | {"origin": "nowhere"}
    archive.bucket.put_large(bad.key, io.BytesIO(dicom_file(SOPInstanceUID="1.9")), metadata)
    assert index_messages(archive, {"bad": body(bad.key), "good": body(good.key)}) == ["bad"]
    assert unindexed(archive, [good]) == []


def test_a_version_that_cannot_be_compared_does_not_hold_up_its_series(archive: Archive) -> None:
    stored = store.store(archive, io.BytesIO(dicom_file()), provenance())
    instance = archive.index.resource(stored.orthanc_ids[Level.INSTANCE])
    assert instance is not None
    assert instance.file is not None
    archive.bucket.delete(instance.file.key)
    other = take_in(archive, dicom_file(StudyDescription="other"), "20260102T000000.000000")
    good = take_in(archive, dicom_file(SOPInstanceUID="1.9"))
    assert index_messages(archive, {"a": body(other.key), "b": body(good.key)}) == ["a"]
    assert unindexed(archive, [good]) == []


def test_what_is_indexed_is_counted_and_what_failed_is_not(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = take_in(archive, dicom_file()), take_in(archive, dicom_file(SOPInstanceUID="1.9"))
    metadata = dict(archive.bucket.head(bad.key).metadata) | {"origin": "nowhere"}
    archive.bucket.put_large(bad.key, io.BytesIO(dicom_file(SOPInstanceUID="1.9")), metadata)
    for one in (bad, good):
        index_messages(archive, {"it": body(one.key)})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line[INDEXED] for line in lines if INDEXED in line] == [[1.0]]


def test_a_long_header_is_indexed_and_not_kept(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_objects, "LARGEST_HEADER_BYTES", 1000)
    receipt = take_in(archive, dicom_file())
    assert index_objects.index_objects(archive, [receipt.key]) == {}
    instance = archive.index.resource(receipt.orthanc_id)
    assert instance is not None
    offset = int(instance.metadata["PixelDataOffset"])
    assert archive.index.table.get(keys.header(receipt.orthanc_id, receipt.uuid)) is None
    assert archive.index.header(instance, archive.bucket) == dicom_file()[:offset]


def test_what_is_too_large_to_be_compared_is_kept_aside(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(same_content, "LARGEST_COMPARED_BYTES", 1000)
    monkeypatch.setattr(Bucket, "object", _must_not_be_read)
    one, other = entry().file, entry(uuid="u2", content=b"x" * 2000).file
    assert not same_content.is_same_content(archive.bucket, one, other)
    assert same_content.is_same_content(archive.bucket, one, one)


def _must_not_be_read(*_: object) -> None:
    pytest.fail("read")


@pytest.mark.parametrize("receives", [1, 5], ids=["too-slow", "last-delivery"])
def test_an_original_is_kept_before_it_becomes_a_dead_letter(
    archive: Archive, receives: int
) -> None:
    rle = with_options(archive, RLE)
    receipt = take_in(rle, dicom_file())
    attributes = {"ApproximateReceiveCount": str(receives)}
    event: dict[str, Any] = {"Records": [{"messageId": "a", "attributes": attributes}]}
    batch = {"a": body(receipt.key)}
    assert transcode_messages(rle, batch, last_tries(event), lambda: receives > 1) == []
    ((final, _),) = archive.bucket.iter_objects("dicom/")
    assert archive.bucket.read(final) == dicom_file()
    assert "transcoding-failure" in archive.bucket.head(final).metadata
    assert list(archive.bucket.iter_objects("raw/")) == []
    assert index_objects.index_objects(rle, [final]) == {}
    assert unindexed(rle, [receipt]) == []


def test_a_final_object_is_written_once(archive: Archive) -> None:
    rle = with_options(archive, RLE)
    receipt = take_in(rle, dicom_file())
    metadata = archive.bucket.head(receipt.key).metadata
    assert transcode_messages(rle, {"a": body(receipt.key)}) == []
    ((final, _),) = archive.bucket.iter_objects("dicom/")
    written = archive.bucket.read(final)
    archive.bucket.put_large(receipt.key, io.BytesIO(dicom_file()), metadata)  # was never removed
    assert transcode_messages(rle, {"a": body(receipt.key)}, {"a"}) == []
    assert archive.bucket.read(final) == written
    assert list(archive.bucket.iter_objects("raw/")) == []


def test_an_object_is_one_dead_letter_however_often_it_fails(archive: Archive) -> None:
    key = entry().file.key
    for message_id in ("m1", "m2"):
        dead_letters.keep(archive, message_id, body(key))
    (letter,) = dead_letters.list_dead_letters(archive)
    assert dead_letters.dead_letter(archive, letter.identifier) == letter
    dead_letters.retry(archive, letter.identifier)
    with pytest.raises(UnknownResource):
        dead_letters.dead_letter(archive, letter.identifier)


def test_a_dead_letter_is_forgotten_once_its_object_came_through(
    archive: Archive, committer: Committer
) -> None:
    lost, indexed = entry("1.2.3.1", uuid="u1"), entry("1.2.3.2", uuid="u2")
    transcoded = str(InstanceKey(RAW, indexed.orthanc_id, "u3"))
    for key in (lost.file.key, indexed.file.key, transcoded):
        dead_letters.keep(archive, key, body(key))
    committer.commit([indexed])
    put_receipt(archive.index.table, "u3", indexed.orthanc_id)
    reconcile(archive, lambda: False)
    assert [letter.object_key for letter in dead_letters.list_dead_letters(archive)] == [
        lost.file.key
    ]


def test_a_large_object_is_copied_in_parts(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "COPY_PART_BYTES", 6 << 20)
    content = bytes(range(256)) * 4 * 13_000
    archive.bucket.put_large("uploads/1", io.BytesIO(content), {})
    archive.bucket.copy("uploads/1", "dicom/1", {"origin": "RestApi"}, len(content))
    assert archive.bucket.read("dicom/1") == content
    assert archive.bucket.head("dicom/1").metadata == {"origin": "RestApi"}
