"""The main job: a study is sent, and read back over REST as soon as the sender is done."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pydicom
import pytest

from nephele.domain.levels import Level
from tests.stack import Stack
from tests.system.senders import make_study, send


def test_what_was_sent_is_readable_when_the_association_ends(stack: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 12, series=2)
    send(stack, study.files)
    with stack.rest() as rest:
        shown = rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}").json()
        assert len(shown["Series"]) == 2
        instances = rest.get(f"/studies/{shown['ID']}/instances").json()
        assert {instance["ID"] for instance in instances} == study.instance_ids
        for file, identity in zip(study.files, study.identities, strict=True):
            orthanc_id = identity.orthanc_id(Level.INSTANCE)
            got = pydicom.dcmread(io.BytesIO(rest.get(f"/instances/{orthanc_id}/file").content))
            sent = pydicom.dcmread(file)
            assert got.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
            assert got == sent
        tags = rest.get(f"/instances/{orthanc_id}/simplified-tags").json()
        assert tags["SOPInstanceUID"] == identity.sop_instance_uid
        preview = rest.get(f"/instances/{orthanc_id}/preview")
        assert preview.headers["content-type"] == "image/png"
        found = rest.post("/tools/lookup", content=identity.study_instance_uid).json()
        assert [item["ID"] for item in found] == [shown["ID"]]


def test_a_deleted_study_is_gone_with_its_objects(stack: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 5)
    send(stack, study.files)
    with stack.rest() as rest:
        before = rest.get("/statistics").json()
        answer = rest.delete(f"/studies/{study.orthanc_id(Level.STUDY)}")
        assert answer.json() == {"RemainingAncestor": None}
        assert rest.get(f"/studies/{study.orthanc_id(Level.STUDY)}").status_code == 404
        after = rest.get("/statistics").json()
        assert before["CountInstances"] - after["CountInstances"] == 5
    stack.wait_idle()
    assert not objects_of(stack, study.instance_ids)


def objects_of(stack: Stack, orthanc_ids: set[str]) -> list[str]:
    """Return the keys of the objects in the bucket that belong to some instances."""
    s3 = stack.client("s3")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    pages = s3.get_paginator("list_objects_v2")
    return [
        item["Key"]
        for bucket in buckets
        for page in pages.paginate(Bucket=bucket)
        for item in page.get("Contents", [])
        if any(orthanc_id in item["Key"] for orthanc_id in orthanc_ids)
    ]


def test_events_repeated_after_a_deletion_bring_nothing_back(stack: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 3)
    send(stack, study.files)
    keys = objects_of(stack, study.instance_ids)
    with stack.rest() as rest:
        rest.delete(f"/patients/{study.orthanc_id(Level.PATIENT)}")
        records = [
            {
                "messageId": str(n),
                "receiptHandle": str(n),
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:index",
                "attributes": {"ApproximateReceiveCount": "1"},
                "body": '{"Records":[{"s3":{"object":{"key":"' + key + '"}}}]}',
            }
            for n, key in enumerate(keys)
        ]
        outcome = stack.invoke("index", {"Records": records})
        assert outcome == {"error": "", "payload": {"batchItemFailures": []}}
        assert rest.get(f"/patients/{study.orthanc_id(Level.PATIENT)}").status_code == 404


def test_a_zip_with_folders_and_junk(stack: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 3)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in study.files:
            archive.write(file, f"a/b/{file.name}")
        archive.writestr("a/readme.txt", "not DICOM")
        archive.writestr("__MACOSX/._x", b"\0\1")
    with stack.rest() as rest:
        answer = rest.post("/instances", content=buffer.getvalue()).json()
    assert {item["ID"] for item in answer} == study.instance_ids


def test_one_study_uid_under_two_patients(stack: Stack, tmp_path: Path) -> None:
    one = make_study(tmp_path / "one", 2)
    other = make_study(
        tmp_path / "other", 2, study_instance_uid=one.identities[0].study_instance_uid
    )
    send(stack, [*one.files, *other.files])
    with stack.rest() as rest:
        for study in (one, other):
            shown = rest.get(f"/patients/{study.orthanc_id(Level.PATIENT)}").json()
            assert shown["Studies"] == [study.orthanc_id(Level.STUDY)]
            assert len(rest.get(f"/studies/{shown['Studies'][0]}/instances").json()) == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"not DICOM", bytes(range(256)) * 400, b"\0" * 128 + b"DICM"],
    ids=["empty", "text", "100-kilobytes-of-noise", "nothing-behind-the-preamble"],
)
def test_bad_uploads_are_refused_and_leave_nothing(stack: Stack, body: bytes) -> None:
    with stack.rest() as rest:
        before = rest.get("/statistics").json()
        answer = rest.post("/instances", content=body)
        assert answer.status_code in (400, 404)
        assert answer.json()["HttpStatus"] == answer.status_code
        assert rest.get("/statistics").json() == before
