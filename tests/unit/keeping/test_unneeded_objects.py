"""Objects that are written for a resource, which does not take them: nobody else knows of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from nephele.aws.bucket import Bucket
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import AnswerTooLarge, BadRevision, UnknownResource
from nephele.services import attachments, metadata
from nephele.services.archive import Archive
from nephele.services.attachments import attach, find_attachment
from nephele.services.delete import delete
from nephele.services.metadata import set_metadata
from nephele.services.revisions import Revision
from nephele.services.storage_compression import change_compression
from tests.unit.keeping.conftest import settle
from tests.unit.keeping.test_keeping import put

LONG = b"x" * 2000
OTHER = Revision(7, "0" * 32)
Keep = Callable[[Archive, OrthancId], object]


def attached(archive: Archive) -> list[str]:
    settle(archive)
    return [name for name, _ in archive.bucket.iter_objects("attachments/")]


def _attach(archive: Archive, patient: OrthancId) -> None:
    attach(archive, patient, 1025, io.BytesIO(LONG), None)


def _describe(archive: Archive, patient: OrthancId) -> None:
    set_metadata(archive, patient, 1025, LONG, None)


KINDS = pytest.mark.parametrize("keep", [_attach, _describe], ids=["attachment", "metadata"])


@KINDS
def test_of_a_resource_that_was_deleted_meanwhile(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, keep: Keep
) -> None:
    patient = put(kept, 1)
    real = Bucket.put

    def put_last(bucket: Bucket, key: str, *rest: Any) -> None:
        real(bucket, key, *rest)
        if key.startswith("attachments/"):
            delete(kept, Level.PATIENT, patient)

    monkeypatch.setattr(Bucket, "put", put_last)
    with pytest.raises(UnknownResource):
        keep(kept, patient)
    assert attached(kept) == []


@KINDS
def test_of_a_resource_that_has_too_many(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, keep: Keep
) -> None:
    patient = put(kept, 1)
    attach(kept, patient, 1024, io.BytesIO(b"first"), None)
    set_metadata(kept, patient, 1024, b"first", None)
    for module in (attachments, metadata):
        monkeypatch.setattr(module, "MOST_ITEMS", 1)
    with pytest.raises(AnswerTooLarge):
        keep(kept, patient)
    assert attached(kept) == [find_attachment(kept, patient, 1024).file.key]


def test_of_another_revision(kept: Archive) -> None:
    patient = put(kept, 1)
    set_metadata(kept, patient, 1025, LONG, None)
    before = attached(kept)
    with pytest.raises(BadRevision):
        set_metadata(kept, patient, 1025, LONG[::-1], OTHER)
    assert attached(kept) == before


def test_of_an_attachment_that_was_replaced_while_it_was_compressed(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = put(kept, 1)
    attach(kept, patient, 1025, io.BytesIO(LONG), None)
    real = attachments.change_kept

    def change_later(*arguments: Any) -> Any:
        monkeypatch.undo()
        attach(kept, patient, 1025, io.BytesIO(b"another"), find(kept, patient))
        return real(*arguments)

    monkeypatch.setattr(attachments, "change_kept", change_later)
    change_compression(kept, patient, 1025, is_compressed=True)
    found = find_attachment(kept, patient, 1025)
    assert not found.file.is_compressed
    assert attached(kept) == [found.file.key]


def find(archive: Archive, patient: OrthancId) -> Revision:
    return find_attachment(archive, patient, 1025).revision
