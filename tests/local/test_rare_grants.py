"""What few calls need is called here: see `test_unused_grants`."""

from __future__ import annotations

import hashlib
import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from pydicom.uid import generate_uid

from infra.functions import FUNCTIONS
from nephele.aws import clock, object_metadata
from nephele.aws.index import keys
from nephele.aws.keys import FINAL, DerivedKey, InstanceKey
from nephele.aws.part_upload import HELD_BYTES
from nephele.domain.compression import compress
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity
from nephele.domain.part10 import inspect_part10
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.transfer_syntax import RLE_LOSSLESS
from nephele.services import events
from nephele.services.uploads import MEMBERS_AT_ONCE, MEMBERS_IN_CALL
from tests.stack import Stack
from tests.system.senders import Study, make_study, send


def _message(queue_arn: str, body: object) -> dict[str, Any]:
    """Return the event of one message that SQS does not know."""
    record = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "none",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
    }
    return {"Records": [record]}


def _queues(stack: Stack) -> list[tuple[str, str]]:
    """Return functions with the queues they consume."""
    functions = stack.client("lambda")
    names = {spec.description: spec.name for spec in FUNCTIONS}
    pages = functions.get_paginator("list_event_source_mappings").paginate()
    return [
        (names[described["Description"]], mapping["EventSourceArn"])
        for page in pages
        for mapping in page["EventSourceMappings"]
        if ":sqs:" in mapping["EventSourceArn"]
        for described in [functions.get_function_configuration(FunctionName=mapping["FunctionArn"])]
    ]


def _bucket(stack: Stack) -> tuple[Any, str]:
    s3 = stack.client("s3")
    (name,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if "-bucket" in one["Name"])
    return s3, name


def _objects(stack: Stack, study: Study) -> list[str]:
    s3, bucket = _bucket(stack)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="dicom/")
    found = [item["Key"] for page in pages for item in page.get("Contents", ())]
    return [key for key in found if key.split("/")[2] in study.instance_ids]


def _uploads(stack: Stack) -> list[str]:
    """Return the keys of what uploads keep meanwhile."""
    s3, bucket = _bucket(stack)
    return [
        item["Key"]
        for item in s3.list_objects_v2(Bucket=bucket, Prefix="uploads/").get("Contents", ())
    ]


@pytest.fixture
def study(stack: Stack, tmp_path: Path) -> Study:
    study = make_study(tmp_path / "study", 2)
    send(stack, study.files)
    stack.wait_idle()
    return study


def test_what_fails_is_asked_for_again_sooner(stack: Stack) -> None:
    for function, queue_arn in _queues(stack):
        answer = stack.invoke(function, _message(queue_arn, {"Records": 5}))
        if function not in ("jobs", "recycle"):  # one leaves it, the other reads no message
            assert answer["payload"]["batchItemFailures"], function


def test_an_object_that_is_served_is_brought_back(stack: Stack, study: Study) -> None:
    s3, bucket = _bucket(stack)
    key, _ = _objects(stack, study)
    s3.delete_object(Bucket=bucket, Key=key)
    (queue_arn,) = (arn for function, arn in _queues(stack) if function == "purge")
    answer = stack.invoke("purge", _message(queue_arn, {"purge": key}))
    assert answer["payload"] == {"batchItemFailures": []}
    assert key in _objects(stack, study)


def test_a_deletion_is_undone(stack: Stack, study: Study) -> None:
    orthanc_id = study.orthanc_id(Level.STUDY)
    with stack.rest() as rest:
        rest.delete(f"/studies/{orthanc_id}").raise_for_status()
        stack.wait_idle()
        assert not _objects(stack, study)
        (deletion,) = (
            one["ID"] for one in rest.get("/deleted").json() if one["ResourceID"] == orthanc_id
        )
        rest.post(f"/deleted/{deletion}/restore", json={}).raise_for_status()
        stack.wait_idle()
        assert len(_objects(stack, study)) == 2
        assert rest.get(f"/studies/{orthanc_id}").status_code == 200


def test_a_deletion_that_ended_midway_is_settled(stack: Stack, study: Study) -> None:
    table = stack.client("dynamodb")
    (name,) = table.list_tables()["TableNames"]
    orthanc_id = study.orthanc_id(Level.STUDY)
    with stack.rest() as rest:
        rest.delete(f"/studies/{orthanc_id}").raise_for_status()
        deletions = rest.get("/deleted").json()
    (deletion,) = (one["ID"] for one in deletions if one["ResourceID"] == orthanc_id)
    s3, bucket = _bucket(stack)
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"journal/deletions/{deletion}/")["Contents"]
    (done,) = (one["Key"] for one in found if one["Key"].endswith("/done"))
    s3.delete_object(Bucket=bucket, Key=done)
    row = keys.burying(done.removesuffix("/done"))
    table.put_item(TableName=name, Item={**row, "r": {"S": "20000101T000000.000000"}})
    answer = stack.invoke("reconcile", {"prefixes": 1})
    assert not answer["error"], answer
    assert "Item" not in table.get_item(TableName=name, Key=row, ConsistentRead=True)
    assert s3.head_object(Bucket=bucket, Key=done)


def test_outdated_definitions_leave_the_journal(stack: Stack) -> None:
    s3, bucket = _bucket(stack)
    prefix = "journal/definitions/modalities/RARE/"
    with stack.rest() as rest:
        for port in (104, 105):
            rest.put("/modalities/RARE", json=["RARE", "127.0.0.1", port]).raise_for_status()
        stack.invoke("reconcile", {"prefixes": 1})
        (one,) = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        assert b"105" in s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
        rest.delete("/modalities/RARE").raise_for_status()


def test_a_message_about_what_has_ended_brings_nothing_back(stack: Stack, study: Study) -> None:
    key, _ = _objects(stack, study)
    orthanc_id = study.orthanc_id(Level.STUDY)
    (queue_arn,) = (arn for function, arn in _queues(stack) if function == "index")
    s3, bucket = _bucket(stack)
    content = s3.get_object(Bucket=bucket, Key=key)
    with stack.rest() as rest:
        rest.delete(f"/studies/{orthanc_id}").raise_for_status()
        stack.wait_idle()
        s3.put_object(
            Bucket=bucket, Key=key, Body=content["Body"].read(), Metadata=content["Metadata"]
        )
        stack.wait_idle()
        event = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}
        assert stack.invoke("index", _message(queue_arn, event))["payload"] == {
            "batchItemFailures": []
        }
        assert rest.get(f"/studies/{orthanc_id}").status_code == 404
    stack.invoke("reconcile", {"prefixes": 256, "grace_seconds": 0})
    stack.wait_idle()
    assert not _objects(stack, study)


def test_an_event_about_an_object_that_is_gone_is_done_with(stack: Stack) -> None:
    """S3 tells 404 from 403 to those alone who may list the bucket."""
    (queue_arn,) = (arn for function, arn in _queues(stack) if function == "index")
    unknown = Identity("nobody", generate_uid(), generate_uid(), generate_uid())
    key = InstanceKey(FINAL, unknown.orthanc_id(Level.INSTANCE), clock.new_uuid())
    answer = stack.invoke("index", _message(queue_arn, events.object_event(str(key))))
    assert answer["payload"] == {"batchItemFailures": []}


@pytest.fixture
def damaged(stack: Stack, tmp_path: Path) -> Iterator[InstanceKey]:
    """Store an instance whose compressed object has lost its end: some bytes behind 72 MB."""
    study = make_study(tmp_path / "damaged", 1)
    dataset = pydicom.dcmread(study.files[0])
    dataset.Rows = dataset.Columns = 6000
    dataset.PixelData = bytes(2 * dataset.Rows * dataset.Columns)
    dataset.save_as(study.files[0])
    content = study.files[0].read_bytes()
    assert len(content) > HELD_BYTES
    cut = compress(content)[:-1]
    key = InstanceKey(FINAL, study.identities[0].orthanc_id(Level.INSTANCE), clock.new_uuid())
    offset = inspect_part10(io.BytesIO(content)).pixel_data_offset
    told = object_metadata.encode(Provenance(Origin.REST_API, clock.now()), _md5(content), offset)
    told = object_metadata.with_compression(told, len(content), _md5(cut))
    s3, bucket = _bucket(stack)
    s3.put_object(Bucket=bucket, Key=str(key), Body=cut, Metadata=told)
    stack.wait_idle()
    yield key
    with stack.rest() as rest:
        rest.delete(f"/instances/{key.orthanc_id}").raise_for_status()
    stack.wait_idle()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_an_upload_that_fails_midway_leaves_nothing(stack: Stack, damaged: InstanceKey) -> None:
    """Whoever reads what is damaged writes most of it before that is found: edge, job, function."""
    instance = damaged.orthanc_id
    with stack.rest() as rest:
        rest.put("/modalities/itself", json=["ORTHANC", *stack.dicom_address]).raise_for_status()
        sent = rest.post("/modalities/itself/store", json={"Resources": [instance]})
        assert sent.json()["OrthancStatus"] == _CORRUPTED
        rest.delete("/modalities/itself").raise_for_status()
        wanted = {"Asynchronous": True, "Transcode": RLE_LOSSLESS}
        study = rest.get(f"/instances/{instance}/study").json()["ID"]
        job = rest.post(f"/studies/{study}/archive", json=wanted).json()
        stack.wait_idle()
        assert rest.get(job["Path"]).json()["ErrorCode"] == _CORRUPTED
    derived = DerivedKey(instance, damaged.uuid, RLE_LOSSLESS)
    (queue_arn, *_) = (arn for function, arn in _queues(stack) if function == "transcode")
    event = _message(queue_arn, events.object_event(str(derived)))
    assert stack.invoke("transcode", event)["payload"]["batchItemFailures"]
    s3, bucket = _bucket(stack)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    prefix = str(DerivedKey(instance, damaged.uuid))
    assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0


_CORRUPTED = 20
"""Orthanc's CorruptedFile."""


def test_an_upload_is_given_up(stack: Stack) -> None:
    with stack.rest() as rest:
        opened = rest.post("/uploads", json={"Size": 1000}).json()
        abort = rest.post(f"{opened['Path']}/abort", json={"UploadId": opened["UploadId"]})
        assert abort.status_code == 200


def test_a_large_zip_archive_outlives_the_worker_that_stores_it(
    stack: Stack, tmp_path: Path
) -> None:
    """Each instance is there once, and what was uploaded is gone."""
    study = make_study(tmp_path / "large", 10 * MEMBERS_AT_ONCE)
    assert len(study.files) > MEMBERS_IN_CALL
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archived:
        for file in study.files:
            archived.write(file, file.name)
    with stack.rest(follow_redirects=True) as rest, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(rest.post, "/instances", content=body.getvalue())
        first = study.identities[0].orthanc_id(Level.INSTANCE)
        s3, bucket = _bucket(stack)
        prefix = f"{FINAL}/{first[:2]}/{first}/"
        _wait_until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"])
        stack.kill_workers("jobs")
        assert 0 < len(_objects(stack, study)) < len(study.files)
        assert _uploads(stack)
        stored = answer.result()
    assert stored.status_code == httpx.codes.OK, stored.text
    assert [one["ID"] for one in stored.json()] == [
        one.orthanc_id(Level.INSTANCE) for one in study.identities
    ]
    stack.wait_idle()
    assert len(_objects(stack, study)) == len(study.files)
    with stack.rest() as rest:
        of_study = f"/studies/{study.orthanc_id(Level.STUDY)}"
        shown = rest.get(f"{of_study}/instances?expand=false").json()
        assert sorted(shown) == sorted(study.instance_ids)
        counts = rest.get(f"{of_study}/statistics").json()
        assert counts["CountInstances"] == len(study.files)
    assert _uploads(stack) == []


def test_what_a_job_made_is_removed(stack: Stack, study: Study) -> None:
    orthanc_id = study.orthanc_id(Level.STUDY)
    with stack.rest() as rest:
        job = rest.post(f"/studies/{orthanc_id}/archive", json={"Asynchronous": True}).json()
        stack.wait_idle()
        assert rest.get(f"{job['Path']}/archive").status_code in (200, 307)
        assert rest.delete(f"{job['Path']}/archive").status_code == 200
        assert rest.get(f"{job['Path']}/archive").status_code == 404


def test_what_lies_in_an_archive_class_is_asked_for(stack: Stack, study: Study) -> None:
    s3, bucket = _bucket(stack)
    for key in _objects(stack, study):
        s3.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": key},
            StorageClass="GLACIER",
            MetadataDirective="COPY",
        )
    stack.wait_idle()
    instance = sorted(study.instance_ids)[0]
    with stack.rest(follow_redirects=False) as rest:
        assert (
            rest.get(f"/instances/{instance}/file").status_code == httpx.codes.SERVICE_UNAVAILABLE
        )
        rest.post(
            f"/studies/{study.orthanc_id(Level.STUDY)}/archive", json={"Asynchronous": True}
        ).raise_for_status()
        rest.put("/modalities/itself", json=["ORTHANC", *stack.dicom_address]).raise_for_status()
        sent = rest.post(
            "/modalities/itself/store", json={"Resources": [instance], "Asynchronous": True}
        )
        _wait_until(
            lambda: any(one.startswith("edge s3:RestoreObject ") for one in stack.grants()["used"])
        )
        rest.post(f"{sent.json()['Path']}/cancel").raise_for_status()
        rest.delete("/modalities/itself").raise_for_status()
    stack.wait_idle()


def _wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_jobs_that_were_given_up_make_room_for_others(stack: Stack, study: Study) -> None:
    """Of so many that end, the history keeps the last ten."""
    (queue_arn, *_) = (arn for function, arn in _queues(stack) if function == "dead_letters")
    path = f"/studies/{study.orthanc_id(Level.STUDY)}/archive"
    stack.switch(paused=["jobs"])
    try:
        with stack.rest() as rest:
            jobs = [rest.post(path, json={"Asynchronous": True}).json()["ID"] for _ in range(11)]
            for job in jobs:
                answer = stack.invoke("dead_letters", _message(queue_arn, {"job": job, "turn": 0}))
                assert answer["payload"] == {"batchItemFailures": []}
                assert rest.get(f"/jobs/{job}").json()["State"] == "Failure"
            assert jobs[0] not in rest.get("/jobs").json()
    finally:
        stack.switch(paused=[])
    stack.wait_idle()


def test_a_message_about_an_object_is_kept(stack: Stack, study: Study) -> None:
    key, _ = _objects(stack, study)
    (queue_arn, *_) = (arn for function, arn in _queues(stack) if function == "dead_letters")
    event = {"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": key}}}]}
    assert not stack.invoke("dead_letters", _message(queue_arn, event))["error"]
    with stack.rest() as rest:
        letters = [one["ID"] for one in rest.get("/dead-letters").json()]
        assert f"index-{key.rpartition('/')[2]}" in letters
    stack.run_schedules()  # it came through: the reconciler forgets the letter
    with stack.rest() as rest:
        assert f"index-{key.rpartition('/')[2]}" not in str(rest.get("/dead-letters").json())
    stack.wait_idle()


def test_a_reminder_that_comes_too_early_is_sent_again(stack: Stack, study: Study) -> None:
    (queue_arn,) = (arn for function, arn in _queues(stack) if function == "stable")
    for received in (clock.now(), "20000101T000000.000000"):
        reminder = {"level": "Study", "id": study.orthanc_id(Level.STUDY), "received": received}
        answer = stack.invoke("stable", _message(queue_arn, reminder))
        assert answer["payload"] == {"batchItemFailures": []}


def test_changes_are_numbered_by_who_comes_first(stack: Stack) -> None:
    """The reconciler does it where the stream's consumer does not."""
    table = stack.client("dynamodb")
    (name,) = table.list_tables()["TableNames"]
    stack.switch(paused=["metadata"])
    try:
        rows = [keys.pending(f"2000010{n}T000000.000000", str(uuid.uuid4())) for n in (1, 2)]
        change = ["NewPatient", "Patient", "0" * 44, "20000101T000000"]
        for row, changes in zip(rows, ([], [change]), strict=True):
            item = {
                **row,
                "c": {"S": json.dumps(changes)},
                "w": {"S": "[]"},
                "u": {"S": "20000101T000000.000000"},
            }
            table.put_item(TableName=name, Item=item)
            answer = stack.invoke("reconcile", {"prefixes": 1})
            assert not answer["error"], answer
            assert "Item" not in table.get_item(TableName=name, Key=row, ConsistentRead=True)
    finally:
        stack.switch(paused=[])
    stack.wait_idle()
