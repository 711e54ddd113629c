"""Large presigned uploads under the functions' own roles: stored once, though workers die."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from nephele.services.presigned import PARTS_IN_CALL
from tests.stack import Stack

MIB = 1 << 20
COPIED_AT_ONCE = (PARTS_IN_CALL + 1) * 5 * MIB
COPIED_IN_PARTS = 300 * MIB


@pytest.fixture
def bucket(stack: Stack) -> Iterator[Callable[[str], list[str]]]:
    """Return what lists keys below a prefix; nothing of an upload is left after a test."""
    s3 = stack.client("s3")
    (name,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if "-bucket" in one["Name"])

    def keys(prefix: str) -> list[str]:
        found = s3.list_objects_v2(Bucket=name, Prefix=prefix).get("Contents", ())
        return [item["Key"] for item in found]

    yield keys
    assert keys("uploads/") == []
    assert keys("derived/jobs/") == []
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=name)


def write_file(path: Path, size_bytes: int) -> pydicom.Dataset:
    """Write an instance of a study of its own, with so many bytes of pixels."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PixelData = bytes(range(256)) * (size_bytes // 256)
    dataset.save_as(path)
    return dataset


def upload(stack: Stack, path: Path) -> tuple[str, dict[str, Any]]:
    """Write the parts as a client does; return where they are completed, and with what."""
    size_bytes = path.stat().st_size
    with (
        stack.rest() as rest,
        httpx.Client(verify=ssl.create_default_context(cafile=str(stack.trusted))) as client,
        path.open("rb") as file,
    ):
        opened = rest.post("/uploads", json={"Size": 2 * size_bytes}).json()
        etags = []
        for url in opened["Parts"]:
            if not (part := file.read(5 * MIB)):
                break
            etags.append(client.put(url, content=part).raise_for_status().headers["ETag"])
    return f"{opened['Path']}/complete", {"UploadId": opened["UploadId"], "ETags": etags}


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("size_bytes", "is_killed"),
    [
        pytest.param(COPIED_AT_ONCE, False, id="copied at once"),
        pytest.param(COPIED_AT_ONCE, True, id="another worker", marks=pytest.mark.soak),
        pytest.param(COPIED_IN_PARTS, True, id="copied in parts", marks=pytest.mark.soak),
    ],
)
def test_an_instance(
    stack: Stack,
    tmp_path: Path,
    bucket: Callable[[str], list[str]],
    size_bytes: int,
    is_killed: bool,
) -> None:
    """It is stored once, with its digest, though the worker is killed that stores it."""
    dataset = write_file(tmp_path / "large.dcm", size_bytes)
    path, asked = upload(stack, tmp_path / "large.dcm")
    identifier = path.split("/")[2]
    with stack.rest(follow_redirects=True) as rest, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(rest.post, path, json=asked)
        if is_killed:
            wait_until(lambda: bucket(f"uploads/{identifier}"))
            stack.kill_workers("jobs")
            assert bucket(f"uploads/{identifier}"), "it was not yet stored"
        stored = answer.result()
        assert stored.status_code == httpx.codes.OK, stored.text
        told = stored.json()
        assert told["Status"] == "Success"
        assert rest.post(path, json=asked).json() == told
        shown = f"/instances/{told['ID']}"
        assert rest.get(shown).json()["MainDicomTags"]["SOPInstanceUID"] == dataset.SOPInstanceUID
        content = (tmp_path / "large.dcm").read_bytes()
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert rest.get(f"{shown}/attachments/dicom/md5").text == digest
        assert rest.post(f"{shown}/attachments/dicom/verify-md5").status_code == httpx.codes.OK
        stack.wait_idle()
        (key,) = bucket(f"dicom/{told['ID'][:2]}/{told['ID']}/")
        assert key.endswith(identifier)
        rest.delete(f"/studies/{told['ParentStudy']}").raise_for_status()
        stack.wait_idle()


@pytest.mark.parametrize(
    "size_bytes",
    [
        pytest.param(COPIED_AT_ONCE, id="copied at once"),
        pytest.param(COPIED_IN_PARTS, id="copied in parts", marks=pytest.mark.soak),
    ],
)
def test_an_attachment(
    stack: Stack, tmp_path: Path, bucket: Callable[[str], list[str]], size_bytes: int
) -> None:
    write_file(tmp_path / "small.dcm", 256)
    with stack.rest(follow_redirects=True) as rest:
        content = (tmp_path / "small.dcm").read_bytes()
        study = rest.post("/instances", content=content).json()["ParentStudy"]
        write_file(tmp_path / "large", size_bytes)
        path, asked = upload(stack, tmp_path / "large")
        attached = f"/studies/{study}/attachments/1025"
        answer = rest.post(path, json=asked | {"Attachment": attached})
        assert (answer.status_code, answer.text) == (httpx.codes.OK, "{}")
        large = (tmp_path / "large").read_bytes()
        digest = hashlib.md5(large, usedforsecurity=False).hexdigest()
        assert answer.headers["etag"] == f'"0-{digest}"'
        assert rest.get(f"{attached}/md5").text == digest
        assert rest.post(f"{attached}/verify-md5").status_code == httpx.codes.OK
        rest.delete(f"/studies/{study}").raise_for_status()
        stack.wait_idle()
