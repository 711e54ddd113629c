"""Messages in a worker's hand: away from others while it lives; and two workers at one object."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from nephele.aws import clients, multipart
from nephele.aws.bucket import Bucket
from nephele.errors import Conflict, Unavailable
from nephele.services import heartbeat as heartbeats
from nephele.services import messages
from nephele.services.archive import Archive
from nephele.services.heartbeat import heartbeat
from nephele.services.messages import kept_away, transcode_messages
from tests.unit.conftest import dicom_file
from tests.unit.services.test_ingest import body, take_in, with_options

RLE = '{"IngestTranscoding": "1.2.840.10008.1.2.5"}'
_VISIBILITY_SECONDS = 5400


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "HEARTBEAT_SECONDS", 0.01)


def _received(archive: Archive, count: int) -> dict[str, Any]:
    """Return the event of some messages, taken as a function's mapping takes them."""
    queue = archive.queue("transcode")
    queue.send_all([{"n": n} for n in range(count)])
    answer = clients.sqs().receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=10, VisibilityTimeout=_VISIBILITY_SECONDS
    )
    told = clients.sqs().get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])
    arn = told["Attributes"]["QueueArn"]
    return {
        "Records": [
            {"receiptHandle": message["ReceiptHandle"], "eventSourceARN": arn}
            for message in answer["Messages"]
        ]
    }


def test_a_dead_workers_messages_come_again_soon(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = _received(archive, 3)
    assert archive.queue("transcode").receive(10, 0) == []
    monkeypatch.setattr(messages, "HELD_MESSAGE_SECONDS", 0)
    with kept_away(event):
        pass  # it says so at once, however short its life
    again = archive.queue("transcode").receive(10, 0)
    assert [one.deliveries for one in again] == [2, 2, 2]


def test_a_living_workers_messages_stay_away(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = _received(archive, 2)
    beats = threading.Semaphore(0)
    told: list[Mapping[str, int]] = []
    really = messages.return_after

    def return_after(queue_arn: str, delays_seconds: Mapping[str, int]) -> None:
        really(queue_arn, delays_seconds)
        told.append(delays_seconds)
        beats.release()

    monkeypatch.setattr(messages, "return_after", return_after)
    with kept_away(event):
        for _ in range(3):
            assert beats.acquire(timeout=30)
        assert archive.queue("transcode").receive(10, 0) == []
    handles = {record["receiptHandle"] for record in event["Records"]}
    assert all(set(delays) == handles for delays in told)
    assert {seconds for delays in told for seconds in delays.values()} == {20}


def test_a_beat_that_fails_is_not_the_last() -> None:
    beats = threading.Semaphore(0)

    def later() -> None:
        beats.release()
        raise Unavailable("SQS")

    with heartbeat(beats.release, later):
        for _ in range(3):
            assert beats.acquire(timeout=30)
    heard = threading.active_count()
    assert not any(thread.name == "heartbeat" for thread in threading.enumerate()), heard


def _late(archive: Archive, key: str) -> None:
    """Let a worker write what another one has written since it looked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bucket, "exists", lambda *_: False)
        assert transcode_messages(archive, {"a": body(key)}) == []


def test_a_late_worker_leaves_what_another_one_kept_as_it_came(archive: Archive) -> None:
    rle = with_options(archive, RLE)
    receipt = take_in(rle, dicom_file())
    metadata = archive.bucket.head(receipt.key).metadata
    assert transcode_messages(rle, {"a": body(receipt.key)}, {"a"}) == []
    archive.bucket.put_large(receipt.key, io.BytesIO(dicom_file()), metadata)  # still in hand
    _late(rle, receipt.key)
    ((final, _),) = archive.bucket.iter_objects("dicom/")
    assert archive.bucket.read(final) == dicom_file()
    assert list(archive.bucket.iter_objects("raw/")) == []


def _put(bucket: Bucket, data: bytes) -> None:
    bucket.put_whole("key", data, {}, is_new=True)


def _put_parts(bucket: Bucket, data: bytes) -> None:
    bucket.put_large("key", io.BytesIO(data), {}, is_new=True)


def _copy_parts(bucket: Bucket, data: bytes) -> None:
    bucket.put_whole("source", data, {})
    bucket.copy("source", "key", {}, len(data), is_new=True)


@pytest.mark.parametrize("write", [_put, _put_parts, _copy_parts])
def test_what_is_new_takes_no_others_place(
    archive: Archive, write: Callable[[Bucket, bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    part_bytes = 5 << 20  # S3 takes no smaller ones
    monkeypatch.setattr(multipart, "COPY_PART_BYTES", part_bytes)
    bucket, size_bytes = archive.bucket, part_bytes + 1
    write(bucket, b"1" * size_bytes)
    with pytest.raises(Conflict):
        write(bucket, b"2" * size_bytes)
    assert bucket.read("key") == b"1" * size_bytes
    assert "Uploads" not in clients.s3().list_multipart_uploads(Bucket=bucket.name)


def test_a_copy_asks_s3_for_the_same(archive: Archive) -> None:
    """The emulators copy whatever they are told."""
    asked: list[Any] = []
    events = clients.s3().meta.events

    def note(model: object, params: dict[str, Any], **_: object) -> None:
        asked.append(params["headers"].get("If-None-Match"))

    archive.bucket.put_whole("source", b"data", {})
    events.register("before-call.s3.CopyObject", note)
    try:
        archive.bucket.copy("source", "key", {}, 4, is_new=True)
        archive.bucket.copy("source", "key", {}, 4)
    finally:
        events.unregister("before-call.s3.CopyObject", note)
    assert asked == ["*", None]
