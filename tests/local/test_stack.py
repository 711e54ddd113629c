"""The whole local stack: an instance goes all its way, also when events misbehave."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import httpx
import pydicom
import pytest
from botocore.exceptions import ClientError
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from tests.stack import Stack

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
QUIET = {
    "duplicate": 0.0,
    "reorder": False,
    "delay_seconds": 0.0,
    "kill": 0.0,
    "retry_seconds": None,
    "paused": [],
}


def _instance(rows: int = 128) -> bytes:
    """Return a CT slice with UIDs of its own."""
    dataset = pydicom.dcmread(CT)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, generate_uid())
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientID = generate_uid()
    dataset.Rows = rows
    dataset.PixelData = bytes(rows * dataset.Columns * 2)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def test_a_large_answer_is_redirected_to_a_blob(stack: Stack) -> None:
    encoded = _instance(rows=24_000)
    with stack.rest() as rest:
        packed = gzip.compress(encoded, 1)
        stored = rest.post("/instances", content=packed, headers={"Content-Encoding": "gzip"})
        path = f"/instances/{stored.json()['ID']}/file"
        redirect = rest.get(path)
        assert redirect.status_code == httpx.codes.TEMPORARY_REDIRECT
        assert redirect.headers["Location"].startswith("/blobs/")
        followed = rest.get(path, follow_redirects=True)
        assert followed.content == encoded
        location = redirect.headers["Location"]
        part = rest.get(location, headers={"Range": "bytes=128-131"})
        assert (part.status_code, part.content) == (httpx.codes.PARTIAL_CONTENT, b"DICM")
        forged = rest.get(location.replace("X-Amz-Signature=", "X-Amz-Signature=0"))
        assert forged.status_code == httpx.codes.FORBIDDEN


def test_an_object_is_indexed_once_whatever_its_events_do(stack: Stack) -> None:
    """Events come twice, late and in another order, and half of the workers are killed."""
    stack.reset_figures()
    stack.switch(duplicate=1.0, reorder=True, delay_seconds=0.5, kill=0.5, retry_seconds=0)
    try:
        with stack.rest() as rest:
            before = rest.get("/statistics").json()["CountInstances"]
            stored = 0
            while stored < 5:  # a killed api worker is a 502, and the client's retry works
                stored += rest.post("/instances", content=_instance()).is_success
            stack.switch(kill=0.0)
            stack.wait_idle()
            after = rest.get("/statistics").json()["CountInstances"]
    finally:
        stack.switch(**QUIET)
    assert after - before >= 5
    assert stack.status()["functions"]["dead_letters"]["invocations"] == 0


def test_a_held_function_leaves_its_queue_alone(stack: Stack) -> None:
    stack.switch(paused=["index"])
    try:
        with stack.rest() as rest:
            rest.post("/instances", content=_instance()).raise_for_status()
        with pytest.raises(TimeoutError, match="IndexInbox"):
            stack.wait_idle(seconds=3)
    finally:
        stack.switch(**QUIET)
    stack.wait_idle()


def test_figures_are_kept_by_function(stack: Stack) -> None:
    stack.reset_figures()
    with stack.rest() as rest:
        assert rest.get("/system").is_success
    figures = stack.status()["functions"]["api"]
    assert figures["invocations"] == 1
    assert figures["duration_ms"]["max"] > 0
    assert "REPORT" in stack.log("api")


def test_a_function_may_do_what_its_role_allows_and_nothing_else(stack: Stack) -> None:
    functions = stack.client("lambda").list_functions()["Functions"]
    authorize = next(item for item in functions if "Authorize" in item["FunctionName"])
    secret = authorize["Environment"]["Variables"]["NEPHELE_USERS_SECRET"]
    index = next(item for item in functions if "Index" in item["FunctionName"])
    bucket = index["Environment"]["Variables"]["NEPHELE_BUCKET"]
    given = stack.client("sts").assume_role(RoleArn=authorize["Role"], RoleSessionName="test")
    role = {
        "aws_access_key_id": given["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": given["Credentials"]["SecretAccessKey"],
        "aws_session_token": given["Credentials"]["SessionToken"],
    }
    stack.client("secretsmanager", **role).get_secret_value(SecretId=secret)
    with pytest.raises(ClientError, match="AccessDenied"):
        stack.client("s3", **role).list_objects_v2(Bucket=bucket)
