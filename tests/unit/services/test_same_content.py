"""Telling duplicates apart: by digests where files are large, else byte by byte."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest

from nephele.aws import object_metadata
from nephele.aws.bucket import Bucket
from nephele.aws.index import codec, records
from nephele.aws.keys import parse_instance_key
from nephele.domain import digests
from nephele.domain.levels import Level
from nephele.domain.part10 import read_file_meta, write_preamble
from nephele.domain.resources import StoredFile
from nephele.services import same_content
from nephele.services.archive import Archive
from nephele.services.same_content import is_same_content
from nephele.services.store import store
from tests.unit.conftest import dicom_file, provenance

EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.fixture(autouse=True)
def all_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "DIGESTED_FROM_BYTES", 1000)


def file_of(sender: str, *, changed: bool = False, syntax: str = EXPLICIT) -> bytes:
    """Return an instance behind the meta information of a sender; a changed one in its last bit."""
    sample = dicom_file()
    opened = io.BytesIO(sample)
    meta = read_file_meta(opened)
    data_set = bytearray(sample[meta.data_set_offset :])
    data_set[-1] ^= changed
    sop_class, sop_instance = meta.media_storage_sop_class_uid, meta.media_storage_sop_instance_uid
    return write_preamble(sop_class, sop_instance, syntax, sender) + data_set


def stored(archive: Archive, file: bytes, received: str) -> StoredFile:
    """Store a file and return it as the index has whichever is served then."""
    answer = store(archive, io.BytesIO(file), provenance(received))
    instance = archive.index.resource(answer.orthanc_ids[Level.INSTANCE])
    assert instance is not None
    assert instance.file is not None
    return instance.file


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        pytest.fail("read")

    monkeypatch.setattr(Bucket, "object", read)


FIRST, SECOND = "20260101T000000.000000", "20260102T000000.000000"


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("changed", [False, True], ids=["the same", "one bit differs"])
def test_large_ones_are_told_apart_without_reading(archive: Archive, changed: bool) -> None:
    first = stored(archive, file_of("ONE"), FIRST)
    other = file_of("OTHER", changed=changed)
    assert stored(archive, other, SECOND) == first
    aside = records.list_aside(archive.index.table)
    md5 = hashlib.md5(other, usedforsecurity=False).hexdigest()
    assert md5 != first.md5
    assert [one.md5 for one in aside] == ([md5] if changed else [])


@pytest.mark.parametrize("has_digest", [True, False], ids=["one has a digest", "none has"])
def test_what_came_without_a_digest_is_read(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, has_digest: bool
) -> None:
    first = stored(archive, file_of("ONE"), FIRST)
    old = replace(first, data_set_digest="")
    for changed in (False, True):
        file = file_of("OTHER", changed=changed)
        key = f"{first.key}-{changed}"
        archive.bucket.put_large(key, io.BytesIO(file), {})
        digest = digest_of(file) if has_digest else ""
        one = StoredFile(key, "u", len(file), "m", provenance(), data_set_digest=digest)
        assert is_same_content(archive.bucket, old, one) is not changed
        assert is_same_content(archive.bucket, one, old) is not changed
    shorter = file_of("OTHER")[:-2]
    archive.bucket.put_large(f"{first.key}-shorter", io.BytesIO(shorter), {})
    one = StoredFile(
        f"{first.key}-shorter", "u", len(shorter), "m", provenance(), data_set_digest="d"
    )
    assert not is_same_content(archive.bucket, old, one)
    monkeypatch.setattr(same_content, "LARGEST_COMPARED_BYTES", len(shorter))
    assert not is_same_content(archive.bucket, old, replace(one, key=old.key))


def digest_of(file: bytes) -> str:
    meta = read_file_meta(io.BytesIO(file))
    digest = digests.begin_data_set(meta.transfer_syntax_uid)
    digest.update(file[meta.data_set_offset :])
    return digest.hexdigest()


def test_equal_bytes_in_another_syntax_differ() -> None:
    found = set()
    for syntax in (EXPLICIT, "1.2.840.10008.1.2.4.50"):
        digest = digests.begin_data_set(syntax)
        digest.update(b"the same")
        found.add(digest.hexdigest())
    assert len(found) == 2


def test_the_object_tells_what_the_row_tells(archive: Archive) -> None:
    kept = stored(archive, file_of("ONE"), FIRST)
    key = parse_instance_key(kept.key)
    assert key is not None
    assert len(kept.data_set_digest) == 64
    assert object_metadata.stored_file(key, archive.bucket.head(kept.key)) == kept


def test_a_digest_is_of_its_reception_alone(archive: Archive) -> None:
    """Whoever writes another reception into the row and knows of no digests does no harm."""
    kept = stored(archive, file_of("ONE"), FIRST)
    key = parse_instance_key(kept.key)
    assert key is not None
    row = archive.index.rows([key.orthanc_id])[key.orthanc_id]
    assert codec.read_file(row).data_set_digest == kept.data_set_digest
    assert codec.read_file({**row, "v": codec.text("another")}).data_set_digest == ""


def test_small_files_have_none(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "DIGESTED_FROM_BYTES", 1 << 20)
    assert stored(archive, file_of("ONE"), FIRST).data_set_digest == ""
