"""A limited archive under load: old patients go, protected ones stay, and what is full says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.functions import RECYCLE
from nephele.aws.index import keys
from nephele.domain.levels import Level
from nephele.services.deletion_parts import whole_key
from tests.stack import Stack, running_stack
from tests.system.senders import Study, finish, make_study, storescu

PATIENTS = 20
WRITERS = 8
PROTECTED = 4
NO_TIME_SECONDS = 60
"""The recycle function begins nothing more when so much, or less, of its time is left."""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, assemblies: Path) -> Iterator[Stack]:
    """Run a stack of its own that may hold twenty patients, and compresses what it stores."""
    configuration = {
        "MaximumPatientCount": PATIENTS,
        "StableAge": 600,
        "StorageCompression": True,
    }
    data = tmp_path_factory.mktemp("limited")
    with running_stack(data, assemblies, configuration=configuration) as running:
        yield running


def post(stack: Stack, study: Study) -> None:
    with stack.rest() as rest:
        for file in study.files:
            rest.post("/instances", content=file.read_bytes()).raise_for_status()


def patients(stack: Stack) -> set[str]:
    with stack.rest() as rest:
        return set(rest.get("/patients").json())


def stored_bytes(stack: Stack) -> int:
    client = stack.client("s3")
    names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    pages = (
        page
        for name in names
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name, Prefix="dicom/")
    )
    return sum(item["Size"] for page in pages for item in page.get("Contents", []))


def assert_within_limits(stack: Stack, protected: set[str]) -> None:
    stack.wait_idle()
    with stack.rest() as rest:
        shown = rest.get("/statistics").json()
        instances = rest.get("/instances").json()
    kept = patients(stack)
    assert shown["CountPatients"] == len(kept) == PATIENTS
    assert protected <= kept
    assert shown["CountInstances"] == len(instances)
    assert int(shown["TotalDiskSize"]) == stored_bytes(stack)


def test_recycling_under_load(limited: Stack, tmp_path: Path) -> None:
    first = [make_study(tmp_path / f"p{n}", 1, edge=16) for n in range(PROTECTED)]
    for study in first:
        post(limited, study)
    protected = {study.orthanc_id(Level.PATIENT) for study in first}
    with limited.rest() as rest:
        for patient in protected:
            path = f"/patients/{patient}/protected"
            assert rest.put(path, content=b"1").status_code == 200
    for burst in range(2):
        studies = [make_study(tmp_path / f"{burst}-{n}", 1, edge=16) for n in range(24)]
        posted, sent = studies[:20], studies[20:]
        senders = [storescu(limited, study.files) for study in sent]
        with ThreadPoolExecutor(WRITERS - len(sent)) as pool:
            list(pool.map(lambda study: post(limited, study), posted))
        for sender in senders:
            finish(sender)
        assert_within_limits(limited, protected)
    with limited.rest() as rest:
        deletions = rest.get("/deleted").json()
    assert len(deletions) == PROTECTED + 2 * 24 - PATIENTS, "never one too many"
    assert all(one["IsRecycled"] for one in deletions)


def test_a_recycled_patient_is_restored(limited: Stack) -> None:
    with limited.rest() as rest:
        deletion = rest.get("/deleted").json()[-1]
        for patient in sorted(patients(limited))[:2]:
            rest.put(f"/patients/{patient}/protected", content=b"0").raise_for_status()
            rest.delete(f"/patients/{patient}").raise_for_status()
        limited.wait_idle()
        answer = rest.post(f"/deleted/{deletion['ID']}/restore").raise_for_status().json()
        assert answer["InstancesCount"] == deletion["InstancesCount"] == 1
        assert rest.get(answer["Path"]).json()["ID"] == deletion["ResourceID"]
        instances = rest.get(f"{answer['Path']}/instances").json()
        files = [rest.get(f"/instances/{one['ID']}/file") for one in instances]
        assert [file.status_code for file in files] == [200]
        assert rest.post(f"/deleted/{deletion['ID']}/restore").status_code == 404


def fill(stack: Stack, folder: Path) -> None:
    """Store new patients until there is one too many."""
    for n in range(PATIENTS + 1 - len(patients(stack))):
        post(stack, make_study(folder / f"{n}", 1, edge=16))


def queue_arn(stack: Stack) -> str:
    """Return the ARN of the queue that asks for recycling."""
    functions = stack.client("lambda")
    (function,) = (
        one["FunctionName"]
        for one in functions.list_functions()["Functions"]
        if one["Description"] == RECYCLE.description
    )
    (mapping,) = functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return str(mapping["EventSourceArn"])


def settle(stack: Stack, deletion: str) -> None:
    """Let the reconciler take a deletion for one that ended midway long ago."""
    table = stack.client("dynamodb")
    (name,) = table.list_tables()["TableNames"]
    row = {**keys.burying(whole_key(deletion)), "r": {"S": "20000101T000000.000000"}}
    table.put_item(TableName=name, Item=row)
    answer = stack.invoke("reconcile", {"prefixes": 1})
    assert not answer["error"], answer


def recycles_by(stack: Stack, action: str) -> bool:
    """Tell whether the recycle function has called an action of AWS."""
    return any(one.startswith(f"recycle {action} ") for one in stack.grants()["used"])


def test_what_was_begun_goes_on_though_it_was_settled_meanwhile(
    limited: Stack, tmp_path: Path
) -> None:
    """Its time is over before anything is removed, and the next message comes much later."""
    record = {
        "messageId": "1",
        "receiptHandle": "none",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSourceARN": queue_arn(limited),
    }
    limited.switch(paused=["recycle"])
    try:
        fill(limited, tmp_path)
        full = patients(limited)
        answer = limited.invoke("recycle", {"Records": [record]}, NO_TIME_SECONDS)
        assert answer["payload"] == {"batchItemFailures": []}
        assert recycles_by(limited, "sqs:SendMessage")
        assert patients(limited) == full
        with limited.rest() as rest:
            begun = rest.get("/deleted").json()[-1]
        assert begun["IsRecycled"]
        settle(limited, begun["ID"])
        with limited.rest() as rest:
            assert begun["ID"] not in str(rest.get("/deleted").json()), "it has removed nothing"
    finally:
        limited.switch(paused=[])
    limited.wait_idle()
    with limited.rest() as rest:
        done = rest.get("/deleted").json()[-1]
    assert (done["ResourceID"], done["IsRecycled"]) == (begun["ResourceID"], True)
    assert (done["InstancesCount"], done["ID"] == begun["ID"]) == (1, False)
    assert patients(limited) == full - {begun["ResourceID"]}


def test_recycling_is_tried_again_soon(limited: Stack, tmp_path: Path) -> None:
    """S3 refuses to write the journal; the queue's own patience would take an hour."""
    failures = limited.log("recycle").count(FAILED)
    with refusing(limited, "journal"):
        fill(limited, tmp_path)
        wait_until(lambda: limited.log("recycle").count(FAILED) > failures)
        assert len(patients(limited)) == PATIENTS + 1, "nothing is removed that cannot be undone"
    limited.wait_idle()
    assert recycles_by(limited, "sqs:GetQueueUrl")
    assert len(patients(limited)) == PATIENTS


FAILED = "message failed"
"""What a function says of each message that comes again."""


@contextmanager
def refusing(stack: Stack, area: str) -> Iterator[None]:
    """Let nobody write objects of an area of the bucket."""
    s3 = stack.client("s3")
    (bucket,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if "-bucket" in one["Name"])
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    policy = json.loads(before)
    policy["Statement"].append(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/{area}/*",
        }
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=before)


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_does_not_fit_is_refused(limited: Stack, tmp_path: Path) -> None:
    """All patients are protected: 507 over REST, and out of resources (0xA700) over DICOM."""
    with limited.rest() as rest:
        for patient in patients(limited):
            rest.put(f"/patients/{patient}/protected", content=b"1").raise_for_status()
        missing = PATIENTS - len(patients(limited))
        for n in range(missing):
            study = make_study(tmp_path / f"fill{n}", 1, edge=16)
            post(limited, study)
            path = f"/patients/{study.orthanc_id(Level.PATIENT)}/protected"
            rest.put(path, content=b"1").raise_for_status()
        study = make_study(tmp_path / "more", 1, edge=16)
        response = rest.post("/instances", content=study.files[0].read_bytes())
        assert (response.status_code, response.json()["OrthancStatus"]) == (507, 19)
    sender = storescu(limited, study.files, "-d")
    output, _ = sender.communicate(timeout=60)
    assert sender.returncode != 0
    assert "0xa700" in output.lower()
    assert study.orthanc_id(Level.PATIENT) not in patients(limited)
