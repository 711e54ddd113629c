"""Deletions that are undone, recycling, compression and the journal."""

from __future__ import annotations

import io
from itertools import count
from typing import Any

import pytest
from pydicom import dcmread

from nephele.aws import clients
from nephele.aws.index.capacity import list_reservations
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId, orthanc_id
from nephele.domain.provenance import Origin, Provenance
from nephele.errors import StorageFull, UnknownResource
from nephele.rest.app import create_app
from nephele.rest.limits import Limits
from nephele.services import plain_files, render
from nephele.services.archive import Archive
from nephele.services.attachments import attach, find_attachment
from nephele.services.delete import delete
from nephele.services.deletion_parts import part_names
from nephele.services.labels import add_label, all_labels
from nephele.services.metadata import set_metadata
from nephele.services.plain_files import inflated_key, open_file, plain_key, read_file
from nephele.services.protection import protect
from nephele.services.purge import purge
from nephele.services.reindex import reindex
from nephele.services.retrieve import file_of
from nephele.services.storage_compression import change_compression
from nephele.services.store import store
from nephele.services.undelete import (
    finish_restore,
    list_deletions,
    restore_part,
)
from tests.unit.keeping.conftest import (
    MIB,
    assert_counters_match,
    clear_table,
    configured,
    index_all,
    messages,
    moment,
    settle,
)
from tests.unit.keeping.files import small_file
from tests.unit.rest.conftest import Client, read_sample

_CLOCK = count()


def put(archive: Archive, patient: int, **what: int) -> OrthancId:
    """Store a file and return the patient's id."""
    received = moment(next(_CLOCK))
    file = io.BytesIO(small_file(patient, **what))
    return store(archive, file, Provenance(Origin.REST_API, received)).orthanc_ids[Level.PATIENT]


def patient_id(patient: int) -> OrthancId:
    return orthanc_id(f"P{patient}")


def patients(archive: Archive) -> set[OrthancId]:
    return set(archive.index.iter_level(Level.PATIENT))


def restore_all(archive: Archive) -> None:
    for deletion in list_deletions(archive):
        for name in part_names(archive.bucket, deletion.identifier):
            restore_part(archive, name)
        finish_restore(archive, deletion.identifier)


def snapshot(archive: Archive) -> dict[str, Any]:
    """Return what REST says of everything, without what a rebuilt index numbers anew."""
    client = Client(create_app(lambda: archive))
    found: dict[str, Any] = {"labels": client.get("/tools/labels").json()}
    for level in ("patients", "studies", "series", "instances"):
        for one in client.get(f"/{level}?expand").json():
            path = f"/{level}/{one['ID']}"
            one.pop("LastUpdate", None)
            one.pop("IsStable", None)
            metadata = client.get(f"{path}/metadata?expand").json()
            metadata.pop("LastUpdate", None)
            files = client.get(f"{path}/attachments?full").json()
            found[path] = (
                one,
                metadata,
                client.get(f"{path}/statistics").json(),
                {name: client.get(f"{path}/attachments/{name}/info").json() for name in files},
                {name: client.get(f"{path}/attachments/{name}/data").content for name in files},
            )
    found["statistics"] = client.get("/statistics").json()
    return found


@pytest.fixture
def furnished(kept: Archive) -> Archive:
    """Return an archive of three patients where users keep all kinds of things."""
    for number in (1, 2):
        put(kept, 1, number=number)
    put(kept, 1, study=2)
    put(kept, 2)
    put(kept, 3)
    one = patient_id(1)
    study = next(child.orthanc_id for child in kept.index.children(one))
    instance = next(iter(kept.index.iter_level(Level.INSTANCE)))
    for n in range(60):
        add_label(kept, Level.STUDY, study, f"label-{n}")
    add_label(kept, Level.PATIENT, one, "vip")
    set_metadata(kept, one, 1024, b"short", None)
    set_metadata(kept, instance, 2000, b"\xff" * 5000, None)
    attach(kept, study, 1024, io.BytesIO(b"report"), None)
    attach(kept, instance, 1025, io.BytesIO(b"x" * 9000), None)
    change_compression(kept, instance, 1025, is_compressed=True)
    protect(kept, one, is_wanted=True)
    protect(kept, patient_id(2), is_wanted=True)
    protect(kept, patient_id(2), is_wanted=False)
    settle(kept)
    return kept


@pytest.mark.parametrize("is_purged", [False, True], ids=["at once", "after the purge"])
def test_a_deleted_patient_comes_back_whole(furnished: Archive, is_purged: bool) -> None:
    before = snapshot(furnished)
    delete(furnished, Level.PATIENT, patient_id(1))
    if is_purged:
        settle(furnished)
        assert_counters_match(furnished)
    assert patient_id(1) not in patients(furnished)
    (deletion,) = list_deletions(furnished)
    assert (deletion.level, deletion.instances) == (Level.PATIENT, 3)
    restore_all(furnished)
    settle(furnished)
    assert snapshot(furnished) == before
    assert_counters_match(furnished)
    assert list_deletions(furnished) == []


def test_what_was_received_again_stays(furnished: Archive) -> None:
    delete(furnished, Level.PATIENT, patient_id(3))
    settle(furnished)
    put(furnished, 3)
    add_label(furnished, Level.PATIENT, patient_id(3), "new")
    before = snapshot(furnished)
    restore_all(furnished)
    settle(furnished)
    assert snapshot(furnished) == before


def test_a_purge_at_the_moment_of_the_restore(kept: Archive, monkeypatch: Any) -> None:
    put(kept, 1)
    delete(kept, Level.PATIENT, patient_id(1))
    (name,) = [name for name, _ in kept.bucket.iter_objects("dicom/")]
    removed = type(kept.bucket).delete

    def meanwhile(bucket: Any, key: str) -> None:
        monkeypatch.undo()
        restore_all(kept)
        removed(bucket, key)

    monkeypatch.setattr(type(kept.bucket), "delete", meanwhile)
    assert not purge(kept, name)
    assert kept.bucket.exists(name)
    assert patients(kept) == {patient_id(1)}


def test_a_lost_table_is_rebuilt(furnished: Archive) -> None:
    delete(furnished, Level.PATIENT, patient_id(3))
    before = snapshot(furnished)
    clear_table(furnished)
    rebuilt = reindex(furnished, jobs=2)
    assert (rebuilt.tombstones, rebuilt.failures) == (1, {})
    assert snapshot(furnished) == before
    again = reindex(furnished, jobs=2)
    assert (again.indexed, again.states) == (0, 0), "a second time changes nothing"
    assert snapshot(furnished) == before


def test_what_users_kept_does_not_come_back_to_what_was_sent_again(kept: Archive) -> None:
    put(kept, 1)
    add_label(kept, Level.PATIENT, patient_id(1), "old")
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    put(kept, 1)
    clear_table(kept)
    reindex(kept, jobs=2)
    assert all_labels(kept) == []
    assert patients(kept) == {patient_id(1)}


def test_the_oldest_patients_are_recycled(kept: Archive) -> None:
    limited = configured(kept, MaximumPatientCount=3)
    for patient in (1, 2, 3):
        put(limited, patient)
    put(limited, 1, number=2)
    protect(limited, patient_id(2), is_wanted=True)
    put(limited, 4)
    settle(limited)
    assert patients(limited) == {patient_id(n) for n in (1, 2, 4)}, "3 was the oldest one"
    protect(limited, patient_id(2), is_wanted=False)
    put(limited, 5)
    settle(limited)
    assert patients(limited) == {patient_id(n) for n in (2, 4, 5)}, "2 is recent again"
    assert_counters_match(limited)
    assert [one.is_recycled for one in list_deletions(limited)] == [True, True]


def test_recycling_by_size(kept: Archive) -> None:
    limited = configured(kept, MaximumStorageSize=1)
    for patient in range(1, 6):
        put(limited, patient, size_bytes=300_000)
        settle(limited)
        assert limited.index.totals().disk_bytes <= MIB
    assert patients(limited) == {patient_id(n) for n in (3, 4, 5)}
    for patient in (3, 4, 5):
        protect(limited, patient_id(patient), is_wanted=True)
    with pytest.raises(StorageFull):
        put(limited, 6, size_bytes=300_000)
    with pytest.raises(StorageFull):
        put(limited, 7, size_bytes=2 * MIB)
    with pytest.raises(StorageFull):
        attach(limited, patient_id(3), 1024, io.BytesIO(bytes(MIB)), None)
    assert_counters_match(limited)


def test_reject_keeps_what_is_there(kept: Archive) -> None:
    limited = configured(kept, MaximumPatientCount=2, MaximumStorageMode="Reject")
    for patient in (1, 2):
        put(limited, patient)
    with pytest.raises(StorageFull):
        put(limited, 3)
    put(limited, 1, number=2)
    assert patients(limited) == {patient_id(1), patient_id(2)}
    assert list_reservations(limited.index.table) == []
    assert_counters_match(limited)


def test_files_are_compressed(kept: Archive) -> None:
    packed = configured(kept, StorageCompression=True)
    put(packed, 1, size_bytes=200_000)
    instance = packed.index.resource(next(iter(packed.index.iter_level(Level.INSTANCE))))
    assert instance is not None
    file = file_of(instance)
    expected = small_file(1, size_bytes=200_000)
    assert file.is_compressed
    assert file.stored_bytes < file.size_bytes == len(expected)
    assert read_file(packed.bucket, file) == expected
    with open_file(packed.bucket, file) as opened:
        assert opened.read() == expected
    assert packed.bucket.read(plain_key(packed.bucket, file)) == expected
    assert_counters_match(packed)
    client = Client(create_app(lambda: packed))
    path = f"/instances/{instance.orthanc_id}"
    assert client.get(f"{path}/file").content == expected
    assert client.get(f"{path}/tags").json()["0010,0020"]["Value"] == "P1"
    assert client.get(f"{path}/attachments/dicom/is-compressed").text == "1"
    assert client.post(f"{path}/attachments/dicom/verify-md5").text == "{}"
    clear_table(packed)
    index_all(packed)
    again = packed.index.resource(instance.orthanc_id)
    assert again is not None
    assert file_of(again) == file
    assert again.main_tags == instance.main_tags


def test_compression_of_what_is_stored_changes(kept: Archive) -> None:
    put(kept, 1, size_bytes=200_000)
    client = Client(create_app(lambda: kept))
    path = f"/instances/{next(iter(kept.index.iter_level(Level.INSTANCE)))}"
    first = client.get(path).json()["FileUuid"]
    for verb, is_compressed in (("compress", "1"), ("compress", "1"), ("uncompress", "0")):
        assert client.post(f"{path}/attachments/dicom/{verb}").text == "{}"
        index_all(kept)  # the event of the new object
        settle(kept)
        assert_counters_match(kept)
        assert client.get(f"{path}/attachments/dicom/is-compressed").text == is_compressed
        assert client.get(f"{path}/file").content == small_file(1, size_bytes=200_000)
        assert client.post(f"{path}/attachments/dicom/verify-md5").status_code == 200
    assert client.get(path).json()["FileUuid"] != first
    kinds = [one["ChangeType"] for one in client.get("/changes").json()["Changes"]]
    assert kinds == ["NewInstance", "NewSeries", "NewStudy", "NewPatient"]


def test_a_damaged_attachment_is_told(kept: Archive) -> None:
    patient = put(kept, 1)
    attach(kept, patient, 1024, io.BytesIO(b"report"), None)
    client = Client(create_app(lambda: kept))
    path = f"/patients/{patient}/attachments/1024"
    assert client.post(f"{path}/verify-md5").status_code == 200
    kept.bucket.put_whole(find_attachment(kept, patient, 1024).file.key, b"repord", {})
    response = client.post(f"{path}/verify-md5")
    assert (response.status_code, response.content) == (400, b"")


def test_an_attachment_goes_with_its_inflated_copy(kept: Archive) -> None:
    patient = put(kept, 1)
    attach(kept, patient, 1024, io.BytesIO(b"report"), None)
    change_compression(kept, patient, 1024, is_compressed=True)
    key = inflated_key(kept.bucket, find_attachment(kept, patient, 1024).file.key)
    assert kept.bucket.read(key) == b"report"
    delete(kept, Level.PATIENT, patient)
    settle(kept)
    for prefix in ("attachments/", "derived/", "dicom/"):
        assert list(kept.bucket.iter_objects(prefix)) == []
    with pytest.raises(UnknownResource):
        find_attachment(kept, patient, 1024)
    assert messages(kept, "purge") == []


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_is_in_an_archive_class_is_restored(kept: Archive, storage_class: str) -> None:
    put(kept, 1)
    tiered = configured(kept, StorageTiers={"GlacierFlexibleRetrievalDays": 30})
    (name,) = [name for name, _ in kept.bucket.iter_objects("dicom/")]
    s3 = clients.s3()
    s3.put_object(
        Bucket=kept.bucket.name,
        Key=name,
        Body=small_file(1),
        StorageClass=storage_class,  # type: ignore[arg-type]
    )
    client = Client(create_app(lambda: tiered))
    path = f"/instances/{next(iter(kept.index.iter_level(Level.INSTANCE)))}"
    for _ in range(2):  # the second one finds the restore under way, or done
        response = client.get(f"{path}/file")
        if response.status_code == 200:
            break
        assert (response.status_code, response.headers["retry-after"]) == (503, "3600")
        assert response.json()["OrthancStatus"] == 36
    assert "Restore" in s3.head_object(Bucket=kept.bucket.name, Key=name)
    assert client.get(f"{path}/tags").status_code == 200, "the index needs no object"


def test_a_signed_path_leads_to_nothing_in_an_archive_class(kept: Archive) -> None:
    put(kept, 1, size_bytes=5000)
    tiered = configured(kept, StorageTiers={"GlacierDeepArchiveDays": 30})
    (name,) = [name for name, _ in kept.bucket.iter_objects("dicom/")]
    clients.s3().put_object(
        Bucket=kept.bucket.name,
        Key=name,
        Body=small_file(1, size_bytes=5000),
        StorageClass="DEEP_ARCHIVE",
    )
    client = Client(create_app(lambda: tiered, Limits(answer_bytes=4000)))
    path = f"/instances/{next(iter(kept.index.iter_level(Level.INSTANCE)))}"
    assert client.get(f"{path}/file").status_code == 503


@pytest.mark.parametrize("at_once", [32 << 20, 0], ids=["in memory", "by an inflated copy"])
def test_frames_of_compressed_files(kept: Archive, monkeypatch: Any, at_once: int) -> None:
    monkeypatch.setattr(plain_files, "_INFLATED_AT_ONCE_BYTES", at_once)
    monkeypatch.setattr(render, "_READ_WHOLE_BYTES", at_once)
    packed = configured(kept, StorageCompression=True)
    plain = Client(create_app(lambda: kept))
    compressed = Client(create_app(lambda: packed))
    path = f"/instances/{plain.post('/instances', content=read_sample()).json()['ID']}"
    views = ("/preview", "/frames/0/raw", "/content/7fe0-0010/0", "/tags?whole", "/numpy", "/file")
    expected = [plain.get(path + view).content for view in views]
    assert plain.delete(path).status_code == 200
    settle(kept)
    assert compressed.post("/instances", content=read_sample()).json()["Status"] == "Success"
    assert [compressed.get(path + view).content for view in views] == expected
    assert bool(list(kept.bucket.iter_objects("derived/"))) is (at_once == 0)


def test_a_compressed_file_is_handed_over_inflated(kept: Archive) -> None:
    packed = configured(kept, StorageCompression=True)
    put(packed, 1, size_bytes=20_000)
    client = Client(create_app(lambda: packed, Limits(answer_bytes=10_000)))
    path = f"/instances/{next(iter(kept.index.iter_level(Level.INSTANCE)))}"
    for route in ("/file", "/attachments/dicom/data"):
        response = client.get(path + route)
        assert response.status_code == 307
        key = response.headers["location"].partition("?")[0].removeprefix("/blobs/")
        assert kept.bucket.read(key) == small_file(1, size_bytes=20_000)
    part = client.get(f"{path}/attachments/dicom/data", headers={"Range": "bytes=100-199"})
    assert part.content == small_file(1, size_bytes=20_000)[100:200]


def test_a_transcoded_file_of_a_compressed_one(kept: Archive) -> None:
    packed = configured(kept, StorageCompression=True)
    client = Client(create_app(lambda: packed))
    answer = client.post("/instances", content=read_sample()).json()
    path = f"/instances/{answer['ID']}/file?transcode=1.2.840.10008.1.2"
    dataset = dcmread(io.BytesIO(client.get(path).content))
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert dataset.PixelData == dcmread(io.BytesIO(read_sample())).PixelData


def test_an_attachment_of_any_size_comes_by_a_presigned_upload(kept: Archive) -> None:
    patient = put(kept, 1)
    client = Client(create_app(lambda: kept))
    opened = client.post("/uploads", json={"Size": 6}).json()
    key = f"uploads/{opened['ID']}"
    part = clients.s3().upload_part(
        Bucket=kept.bucket.name,
        Key=key,
        UploadId=opened["UploadId"],
        PartNumber=1,
        Body=b"report",
    )
    path = f"/patients/{patient}/attachments/1024"
    body = {"UploadId": opened["UploadId"], "ETags": [part["ETag"]], "Attachment": path}
    response = client.post(f"/uploads/{opened['ID']}/complete", json=body)
    assert (response.status_code, response.text) == (200, "{}")
    assert client.get(f"{path}/data").content == b"report"
    assert client.get(f"{path}/md5").text == "e98d2f001da5678b39482efbdf5770dc"
    assert not kept.bucket.exists(key)
    wrong = client.post(f"/uploads/{opened['ID']}/complete", json=body | {"Attachment": "/x"})
    assert wrong.status_code == 404
