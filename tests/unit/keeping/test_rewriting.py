"""`ReconstructFiles`: stored instances follow `IngestTranscoding` and `StorageCompression`."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from nephele.aws import part_upload
from nephele.aws.index import codec, keys
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.transfer_syntax import JPEG_2000_LOSSLESS, RLE_LOSSLESS
from nephele.errors import Unavailable
from nephele.rest.app import create_app
from nephele.services import rewriting, storage_compression
from nephele.services.archive import Archive
from nephele.services.delete import delete
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from nephele.services.reconcile import reconcile
from nephele.services.reindex import reindex
from nephele.services.rewriting import rewrite
from nephele.services.store import store
from nephele.services.transcode_objects import write_transcoded
from tests.unit.conftest import dicom_file, messages, provenance
from tests.unit.jobs.conftest import impatient
from tests.unit.keeping.conftest import (
    assert_counters_match,
    clear_table,
    configured,
    index_all,
    settle,
)
from tests.unit.rest.conftest import Client

PIXELS = pydicom.dcmread(io.BytesIO(dicom_file())).pixel_array
SYNTAXES = (JPEG_2000_LOSSLESS, RLE_LOSSLESS, "1.2.840.10008.1.2", "1.2.840.10008.1.2.1")


def put(archive: Archive, encoded: bytes | None = None) -> OrthancId:
    stored = store(archive, io.BytesIO(encoded or dicom_file()), provenance())
    settle(archive)
    return stored.orthanc_ids[Level.INSTANCE]


def client_of(archive: Archive) -> Client:
    return Client(create_app(lambda: archive))


def md5_of(encoded: bytes) -> str:
    return hashlib.md5(encoded, usedforsecurity=False).hexdigest()


def objects(archive: Archive) -> list[str]:
    return [name for name, _ in archive.bucket.iter_objects("dicom/")]


def assert_whole(archive: Archive, orthanc_id: OrthancId, syntax: str) -> None:
    """Compare an instance with its file, and the archive with its bucket."""
    client, path = client_of(archive), f"/instances/{orthanc_id}"
    file = client.get(f"{path}/file").content
    dataset = pydicom.dcmread(io.BytesIO(file))
    assert dataset.file_meta.TransferSyntaxUID == syntax
    shown: NDArray[Any] = dataset.pixel_array
    np.testing.assert_array_equal(shown, PIXELS)
    metadata = client.get(f"{path}/metadata?expand").json()
    assert metadata["TransferSyntax"] == syntax
    assert file[int(metadata["PixelDataOffset"]) :].startswith(b"\xe0\x7f\x10\x00")
    assert client.get(path).json()["FileSize"] == len(file)
    header = client.get(f"{path}/header?simplify").json()
    assert header["TransferSyntaxUID"] == syntax
    assert client.post(f"{path}/attachments/dicom/verify-md5").status_code == 200
    assert client.get(f"{path}/preview").status_code == 200
    settle(archive)
    index_all(archive)
    assert len(objects(archive)) == archive.index.totals().instances
    assert_counters_match(archive)


def test_instances_follow_the_option(kept: Archive) -> None:
    orthanc_id = put(kept)
    client, path = client_of(kept), f"/instances/{orthanc_id}"
    client.request("PUT", f"{path}/labels/seen")
    client.request("PUT", f"{path}/metadata/1024", content=b"mine")
    before = client.get(f"{path}/metadata?expand").json()
    tags = client.get(f"{path}/simplified-tags").json()
    last = client.get("/changes?last").json()["Last"]
    for syntax in SYNTAXES:
        assert rewrite(configured(kept, IngestTranscoding=syntax), orthanc_id)
        assert_whole(kept, orthanc_id, syntax)
    after = client.get(f"{path}/metadata?expand").json()
    assert after.keys() == before.keys() | {"OriginalMD5"}
    assert after["OriginalMD5"] == md5_of(dicom_file())
    assert client.get(f"{path}/metadata/ReceptionDate").text == before["ReceptionDate"]
    assert client.get(f"{path}/labels").json() == ["seen"]
    assert client.get(f"{path}/simplified-tags").json() == tags
    assert client.get("/changes?last").json()["Last"] == last


def test_both_options_together(kept: Archive) -> None:
    orthanc_id = put(configured(kept, StorageCompression=True))
    options = {"IngestTranscoding": JPEG_2000_LOSSLESS, "StorageCompression": True}
    assert rewrite(configured(kept, **options), orthanc_id)
    assert_whole(kept, orthanc_id, JPEG_2000_LOSSLESS)
    told = client_of(kept).get(f"/instances/{orthanc_id}/attachments/dicom/is-compressed")
    assert told.text == "1"


def test_a_large_object_goes_in_parts(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_upload, "HELD_BYTES", 9 << 20)
    dataset = pydicom.dcmread(io.BytesIO(dicom_file()))
    dataset.NumberOfFrames, dataset.PixelData = 400, dataset.PixelData * 400
    file = io.BytesIO()
    dataset.save_as(file)
    orthanc_id, implicit = put(kept, file.getvalue()), "1.2.840.10008.1.2"
    assert rewrite(configured(kept, IngestTranscoding=implicit), orthanc_id)
    client, path = client_of(kept), f"/instances/{orthanc_id}"
    result = pydicom.dcmread(io.BytesIO(client.get(f"{path}/file").content))
    assert result.file_meta.TransferSyntaxUID == implicit
    assert result.PixelData == dataset.PixelData
    assert client.get(f"{path}/attachments/dicom/md5").text
    assert client.post(f"{path}/attachments/dicom/verify-md5").status_code == 200
    settle(kept)
    assert len(objects(kept)) == 1


def test_what_is_right_stays(kept: Archive) -> None:
    orthanc_id = put(kept)
    before = objects(kept)
    assert rewrite(configured(kept, IngestTranscoding="1.2.840.10008.1.2.1"), orthanc_id)
    assert rewrite(
        configured(kept, IngestTranscoding=RLE_LOSSLESS, IngestTranscodingOfUncompressed=False),
        orthanc_id,
    )
    assert objects(kept) == before


def test_what_cannot_be_transcoded_stays(kept: Archive) -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom_file()))
    dataset.PixelData = dataset.PixelData[:100]
    file = io.BytesIO()
    dataset.save_as(file)
    orthanc_id = put(kept, file.getvalue())
    before = objects(kept)
    assert not rewrite(configured(kept, IngestTranscoding=JPEG_2000_LOSSLESS), orthanc_id)
    settle(kept)
    assert objects(kept) == before
    assert client_of(kept).get(f"/instances/{orthanc_id}/file").content == file.getvalue()


def fail(*_: object, **__: object) -> Any:
    raise Unavailable("the table is away")


def test_the_former_object_serves_until_the_new_one_does(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc_id = put(kept)
    transcoding = configured(kept, IngestTranscoding=JPEG_2000_LOSSLESS)
    with monkeypatch.context() as patch:
        patch.setattr(storage_compression, "replace_object", fail)
        with pytest.raises(Unavailable):
            rewrite(transcoding, orthanc_id)
    index_all(kept)
    settle(kept)
    assert client_of(kept).get(f"/instances/{orthanc_id}/file").content == dicom_file()
    assert len(objects(kept)) == 2
    assert rewrite(transcoding, orthanc_id)
    settle(kept)
    assert client_of(kept).get(f"/instances/{orthanc_id}/metadata/TransferSyntax").text == (
        JPEG_2000_LOSSLESS
    )


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        (rewriting, "write_transcoded", {"IngestTranscoding": JPEG_2000_LOSSLESS}),
        (storage_compression, "write_compressed", {"StorageCompression": True}),
        (storage_compression, "replace_object", {"StorageCompression": True}),
    ],
    ids=["transcoding", "compressing", "serving"],
)
def test_tries_that_fail_are_forgotten(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, options: dict[str, Any]
) -> None:
    orthanc_id = put(kept)
    before = objects(kept)
    monkeypatch.setattr(module, name, fail)
    for _ in range(3):
        with pytest.raises(Unavailable):
            rewrite(configured(kept, **options), orthanc_id)
    settle(kept)
    reconcile(kept, lambda: True, grace_seconds=-10, prefixes=256)
    settle(kept)
    row = kept.index.table.get(keys.resource(orthanc_id))
    assert row is not None
    assert codec.ended_uuids(row) == []
    assert objects(kept) == before
    assert client_of(kept).get(f"/instances/{orthanc_id}/file").content == dicom_file()


def test_an_instance_that_is_deleted_meanwhile_stays_away(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc_id = put(kept)

    def write_late(*arguments: Any) -> None:
        write_transcoded(*arguments)
        delete(kept, Level.INSTANCE, orthanc_id)

    monkeypatch.setattr(rewriting, "write_transcoded", write_late)
    rewrite_or_gone(configured(kept, IngestTranscoding=JPEG_2000_LOSSLESS), orthanc_id)
    settle(kept)
    index_all(kept)
    assert kept.index.resource(orthanc_id) is None
    assert objects(kept) == []
    assert_counters_match(kept)


def rewrite_or_gone(archive: Archive, orthanc_id: OrthancId) -> None:
    resource = archive.index.resource(orthanc_id)
    assert resource is not None
    assert list(rewriting.iter_rewriting(archive, resource)) == [(orthanc_id, True)]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"IngestTranscoding": JPEG_2000_LOSSLESS}, id="transcoded"),
        pytest.param({"StorageCompression": True}, id="compressed"),
    ],
)
def test_an_instance_whose_object_is_lost_has_failed(
    kept: Archive, caplog: pytest.LogCaptureFixture, options: dict[str, Any]
) -> None:
    orthanc_id = put(kept)
    resource = kept.index.resource(orthanc_id)
    assert resource is not None
    for name in objects(kept):
        kept.bucket.delete(name)
    found = list(rewriting.iter_rewriting(configured(kept, **options), resource))
    assert found == [(orthanc_id, False)]
    assert caplog.messages == ["object not found"]


def test_a_rebuild_finds_the_new_object(kept: Archive) -> None:
    orthanc_id = put(kept)
    rewrite(configured(kept, IngestTranscoding=RLE_LOSSLESS), orthanc_id)
    settle(kept)
    clear_table(kept)
    assert reindex(kept, 2).failures == {}
    assert_whole(kept, orthanc_id, RLE_LOSSLESS)
    told = client_of(kept).get(f"/instances/{orthanc_id}/metadata/OriginalMD5").text
    assert told == md5_of(dicom_file())


def test_what_was_transcoded_on_reception_keeps_the_md5_it_came_with(kept: Archive) -> None:
    orthanc_id = put(configured(kept, IngestTranscoding=JPEG_2000_LOSSLESS))
    assert rewrite(configured(kept, IngestTranscoding=RLE_LOSSLESS), orthanc_id)
    told = client_of(kept).get(f"/instances/{orthanc_id}/metadata/OriginalMD5").text
    assert told == md5_of(dicom_file())


def test_the_route_does_it_by_a_job(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    from nephele.services import reconstruct_job

    monkeypatch.setattr(reconstruct_job, "run_or_wait", lambda _, job: job)
    first = put(kept)
    second = put(kept, dicom_file(SOPInstanceUID="1.2.3", SeriesInstanceUID="1.2"))
    third = put(kept, dicom_file("rtplan.dcm"))
    transcoding = configured(kept, IngestTranscoding=JPEG_2000_LOSSLESS)
    answer = client_of(transcoding).post("/tools/reconstruct", json={"ReconstructFiles": True})
    assert answer.status_code == 303
    while found := messages(kept, "jobs"):
        for message in found:
            run_message(transcoding, message, load_kind, impatient(2))
    done = client_of(kept).get(answer.headers["location"]).json()
    assert done == {"Description": "REST API", "FailedInstancesCount": 0, "SeriesCount": 3}
    for one in (first, second):
        assert_whole(kept, one, JPEG_2000_LOSSLESS)
    syntax = client_of(kept).get(f"/instances/{third}/metadata/TransferSyntax").text
    assert syntax == "1.2.840.10008.1.2", "without pixels there is nothing to compress"
