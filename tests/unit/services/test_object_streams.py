"""Objects read ahead and written with their front last."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import BinaryIO

import numpy as np
import pytest

from nephele.aws import clients, part_upload
from nephele.aws.bucket import Bucket
from nephele.aws.part_upload import PartUpload, Staging
from nephele.aws.read_ahead import ReadAhead
from nephele.errors import BadFileFormat, UnknownResource
from nephele.services.archive import Archive

_CONTENT = np.random.default_rng(7).bytes(3 << 20)


@pytest.fixture
def file(archive: Archive) -> Iterator[ReadAhead]:
    archive.bucket.put_large("object", io.BytesIO(_CONTENT), {})
    with ReadAhead(archive.bucket, "object", len(_CONTENT)) as opened:
        yield opened


def test_from_one_end_to_the_other(file: ReadAhead) -> None:
    assert b"".join(iter(lambda: file.read(10_007), b"")) == _CONTENT
    assert file.seek(0) == 0
    assert file.read() == _CONTENT
    assert file.read(1) == b""


def test_here_and_there(file: ReadAhead) -> None:
    places = np.random.default_rng(3)
    for _ in range(60):
        start = int(places.integers(len(_CONTENT) + 100))
        size = (1, 8, 70_000, 1 << 21)[int(places.integers(4))]
        file.seek(start)
        assert file.read(size) == _CONTENT[start : start + size]
        assert file.tell() == max(start, min(start + size, len(_CONTENT)))
    assert file.seek(0, io.SEEK_END) == len(_CONTENT)
    buffer = bytearray(10)
    file.seek(5)
    assert file.readinto(buffer) == 10
    assert buffer == _CONTENT[5:15]


def test_reading_on_takes_few_requests(file: ReadAhead, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[object] = []
    open_range = Bucket.open_range

    def counted(bucket: Bucket, key: str, start: int, stop: int | None = None) -> bytes:
        requests.append((start, stop))
        return open_range(bucket, key, start, stop)

    monkeypatch.setattr(Bucket, "open_range", counted)
    while file.read(4096):
        pass
    assert 1 < len(requests) < 10
    requests.clear()
    file.seek(100)
    file.read(8)
    assert len(requests) == 1


def test_an_object_that_is_gone_is_said_so(archive: Archive) -> None:
    with ReadAhead(archive.bucket, "no such", 100) as file, pytest.raises(UnknownResource):
        file.read(1)


def _described(seen: list[bytes | None]) -> part_upload.Describe:
    def describe(encoded: bytes | None) -> Mapping[str, str]:
        seen.append(encoded)
        return {"described": "yes"}

    return describe


@pytest.mark.parametrize(
    ("held", "size"),
    [
        pytest.param(1 << 30, 100, id="small"),
        pytest.param(1 << 30, 9 << 20, id="held, in parts"),
        pytest.param(9 << 20, 10 << 20, id="two parts"),
        pytest.param(9 << 20, 50 << 20, id="many parts"),
        pytest.param(9 << 20, 17 << 20, id="all at once"),
    ],
)
def test_the_front_goes_last(
    held: int, size: int, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_upload, "HELD_BYTES", held)
    content = (_CONTENT * 20)[:size]
    seen: list[bytes | None] = []
    with PartUpload(archive.bucket, "written", _described(seen)) as upload:
        upload.begin(5)
        step = size if size == 17 << 20 else 1_000_003
        for start in range(0, size, step):
            upload.write(content[start : start + step])
        upload.finish(b"front")
    expected = b"front" + content
    assert upload.size_bytes == len(expected)
    assert archive.bucket.read("written") == expected
    assert archive.bucket.head("written").metadata == {"described": "yes"}
    assert seen == [expected if size <= held else None]


def test_nothing_stays_of_what_is_not_finished(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_upload, "HELD_BYTES", 9 << 20)
    with PartUpload(archive.bucket, "written", _described([])) as upload:
        for _ in range(5):
            upload.write(_CONTENT)
    assert not archive.bucket.exists("written")
    assert "Uploads" not in clients.s3().list_multipart_uploads(Bucket="archive")


@pytest.mark.parametrize("fails", [False, True], ids=["", "failing"])
def test_what_is_described_when_it_is_whole_is_staged(
    fails: bool, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_upload, "HELD_BYTES", 9 << 20)

    def describe(file: BinaryIO) -> Mapping[str, str]:
        if fails:
            raise BadFileFormat("no")
        assert not archive.bucket.exists("written")
        return {"size": str(len(file.read()))}

    staging = Staging("staged", describe)
    with (
        pytest.raises(BadFileFormat) if fails else nullcontext(),
        PartUpload(archive.bucket, "written", _described([]), staging=staging) as upload,
    ):
        for _ in range(5):
            upload.write(_CONTENT)
        upload.finish(b"front")
    assert archive.bucket.exists("written") != fails
    if not fails:
        assert archive.bucket.read("written") == b"front" + 5 * _CONTENT
        assert archive.bucket.head("written").metadata == {"size": str(5 + 5 * len(_CONTENT))}
