"""Direct requests are the client's requests, and what they cannot do the client does."""

from __future__ import annotations

import datetime
import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from bench.archive_stub import ArchiveStub
from nephele.aws import clients
from nephele.aws.bucket import Bucket
from nephele.aws.direct import direct_requests
from nephele.errors import Unavailable, UnknownResource
from nephele.services.archive import Archive

_BODY = b"body" * 1000
_MD5 = hashlib.md5(_BODY, usedforsecurity=False).digest()
_METADATA = {"received": "2026-01-01T00%3A00%3A00", "remote-aet": "A%20B", "md5": _MD5.hex()}
_NOT_SIGNED = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "content-length"}

Request = tuple[str, str, dict[str, str]]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    clients.s3.cache_clear()
    yield Bucket("archive")
    clients.s3.cache_clear()


class _NoBody(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        return iter((b"",))


def _recorded(status: int) -> list[Request]:
    """Have every request of the client answered without a network, and return where they go."""
    requests: list[Request] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        requests.append((request.method, request.url, headers))
        headers = {"Content-Range": "bytes 0-0/1"}
        return AWSResponse(request.url, status, headers, _NoBody())  # type: ignore[arg-type]

    clients.s3().meta.events.register("before-send.s3", answer)
    return requests


_PLACES = {
    "the bucket in the host": {"AWS_DEFAULT_REGION": "eu-west-1"},
    "the oldest region, whose host is another": {"AWS_DEFAULT_REGION": "us-east-1"},
    "another partition": {"AWS_DEFAULT_REGION": "cn-north-1"},
    "an own endpoint, the bucket in the path": {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "https://127.0.0.1:4566",
    },
}


@pytest.mark.parametrize("variables", _PLACES.values(), ids=_PLACES)
@pytest.mark.parametrize("operation", ["put", "get"])
def test_the_second_request_is_signed_and_sent_as_the_clients_first(
    bucket: Bucket, variables: dict[str, str], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moment)
    requests = _recorded(200 if operation == "put" else 206)
    for _ in range(2):
        if operation == "put":
            bucket.put("dicom/ab/a b+ü/x", _BODY, _METADATA, _MD5)
        else:
            bucket.read_range("dicom/ab/a b+ü/x", 0, 10)
    first, second = requests
    assert second[:2] == first[:2]
    assert "amz-sdk-request" in first[2]
    assert "amz-sdk-request" not in second[2]
    assert {name: first[2][name] for name in first[2].keys() - _NOT_SIGNED} == {
        name: second[2][name] for name in second[2].keys() - _NOT_SIGNED
    }


def test_a_presigned_url_teaches_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    requests = _recorded(200)
    direct = direct_requests(clients.s3())
    assert bucket.presign("k", 60, content_type="a/b", content_disposition="inline")
    assert not direct.put("archive", "k", {}, _BODY)
    assert requests == []


def test_what_was_written_is_read_either_way(archive: Archive) -> None:
    for key in ("first", "second"):
        archive.bucket.put(key, _BODY, _METADATA, _MD5)
    reads = [archive.bucket.read_range(key, 4, 12) for key in ("first", "second", "second")]
    assert [content for content, _ in reads] == [_BODY[4:12]] * 3
    assert [head.size_bytes for _, head in reads] == [len(_BODY)] * 3
    assert [dict(head.metadata) for _, head in reads] == [_METADATA] * 3


def test_a_missing_object_is_unknown_either_way(archive: Archive) -> None:
    for _ in range(2):
        with pytest.raises(UnknownResource):
            archive.bucket.read_range("absent", 0, 1)


@pytest.fixture
def stub(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveStub]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    stub = ArchiveStub(keeps_bodies=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
    stub.start()
    yield stub
    stub.stop()


def test_a_refused_request_is_the_clients_to_repeat(bucket: Bucket, stub: ArchiveStub) -> None:
    bucket.put("dicom/a/first/u", _BODY, _METADATA, _MD5)
    stub.failing_puts = 2
    bucket.put("dicom/a/second/u", _BODY, _METADATA, _MD5)
    assert stub.failing_puts == 0
    assert stub.objects["dicom/a/second/u"].body == _BODY


def test_success_is_never_made_up(bucket: Bucket, stub: ArchiveStub) -> None:
    bucket.put("dicom/a/first/u", _BODY, _METADATA, _MD5)
    stub.failing_puts = 100
    with pytest.raises(Unavailable):
        bucket.put("dicom/a/second/u", _BODY, _METADATA, _MD5)
    assert "dicom/a/second/u" not in stub.objects
