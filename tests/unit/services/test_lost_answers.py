"""S3 completes an upload, and its answer is lost: the client asks again, and is told of no such."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from nephele.aws import clients, multipart, part_upload
from nephele.aws.bucket import Bucket
from nephele.aws.index.records import receipts
from nephele.aws.part_upload import PartUpload
from nephele.errors import Conflict, Unavailable
from nephele.services.archive import Archive
from nephele.services.messages import transcode_messages
from tests.unit.conftest import dicom_file
from tests.unit.services.test_ingest import body, take_in, with_options

RLE = '{"IngestTranscoding": "1.2.840.10008.1.2.5"}'
CONTENT = np.random.default_rng(1).bytes(9 << 20)


def lose_answers(patch: pytest.MonkeyPatch, code: str = "NoSuchUpload") -> None:
    """Let S3 complete uploads, and tell the client that asks again of an error."""
    real = clients.s3().complete_multipart_upload

    def complete(**asked: Any) -> None:
        real(**asked)
        raise ClientError({"Error": {"Code": code}}, "CompleteMultipartUpload")

    patch.setattr(clients.s3(), "complete_multipart_upload", complete)


def _put(bucket: Bucket) -> None:
    bucket.put_large("dicom/1", io.BytesIO(CONTENT), {}, is_new=True)


def _copy(bucket: Bucket) -> None:
    bucket.copy("uploads/1", "dicom/1", {}, len(CONTENT), is_new=True)


def _write(bucket: Bucket) -> None:
    with PartUpload(bucket, "dicom/1", lambda _: {}, is_new=True) as upload:
        upload.write(CONTENT)
        upload.finish(b"")


@pytest.mark.parametrize("write", [_put, _copy, _write])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param("NoSuchUpload", Unavailable, id="no such upload"),
        pytest.param("PreconditionFailed", Conflict, id="an object is there"),
    ],
)
def test_an_object_that_was_completed_is_not_gone(
    archive: Archive,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Bucket], None],
    code: str,
    error: type[Exception],
) -> None:
    """What is told is the completion's error, not that of giving up what is complete."""
    monkeypatch.setattr(multipart, "COPY_PART_BYTES", 6 << 20)
    monkeypatch.setattr(part_upload, "HELD_BYTES", 8 << 20)
    archive.bucket.put_large("uploads/1", io.BytesIO(CONTENT), {})
    lose_answers(monkeypatch, code)
    with pytest.raises(error):
        write(archive.bucket)
    assert archive.bucket.read("dicom/1") == CONTENT


def large_file() -> bytes:
    return dicom_file(
        Rows=2000,
        Columns=3000,
        PixelData=np.random.default_rng(2).bytes(2000 * 3000 * 2),
    )


@pytest.mark.parametrize("lost", ["staged", "part"])
def test_a_transcoding_that_could_not_be_written_comes_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    rle = with_options(archive, RLE)
    receipt = take_in(rle, large_file())
    batch = {"a": body(receipt.key)}
    monkeypatch.setattr(part_upload, "HELD_BYTES", 9 << 20)
    with monkeypatch.context() as patch:
        if lost == "staged":
            lose_answers(patch)
        else:
            patch.setattr(clients.s3(), "upload_part", _no_such_upload)
        assert transcode_messages(rle, batch) == ["a"]
    assert transcode_messages(rle, batch) == []
    ((final, _),) = archive.bucket.iter_objects("dicom/")
    assert final.endswith(receipt.uuid)
    assert list(archive.bucket.iter_objects("raw/")) == []
    assert receipt.uuid in receipts(archive.index.table, [receipt.uuid])


def _no_such_upload(**_: Any) -> None:
    raise ClientError({"Error": {"Code": "NoSuchUpload"}}, "UploadPart")


def test_a_raw_object_that_went_meanwhile_is_no_failure(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    rle = with_options(archive, RLE)
    receipt = take_in(rle, dicom_file())
    head = Bucket.head

    def head_last(bucket: Bucket, key: str) -> Any:
        found = head(bucket, key)
        bucket.delete(key)
        return found

    monkeypatch.setattr(Bucket, "head", head_last)
    assert transcode_messages(rle, {"a": body(receipt.key)}) == []
    assert list(archive.bucket.iter_objects("dicom/")) == []
