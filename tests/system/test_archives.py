"""Archives of studies on the local stack, under every function's own memory limit."""

from __future__ import annotations

import hashlib
import io
import subprocess
import time
import zipfile
from http import HTTPStatus
from pathlib import Path

import httpx
import pydicom
import pytest

from nephele.domain.levels import Level
from tests.edge.conftest import tool
from tests.stack import Stack
from tests.system.senders import Study, make_study, send

_LOOK_AGAIN_SECONDS = 0.1
_MEGABYTES_500 = {"slices": 50, "edge": 2290}
_GIGABYTES_5 = {"slices": 500, "edge": 2290}
_WORKERS_MB = 512
_PATIENCE_SECONDS = 1800
_AWAY = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


def archived(stack: Stack, study: Study, rest: httpx.Client, kills: int) -> str:
    """Make an archive of a study while workers die; return the path of what was made."""
    path = f"/studies/{study.orthanc_id(Level.STUDY)}/archive"
    job = rest.post(path, json={"Asynchronous": True}).json()
    assert rest.get(f"{job['Path']}/archive").status_code == 404
    progress, seen = 0.0, 0
    while True:
        answer = rest.get(job["Path"])
        if answer.status_code in _AWAY:
            continue  # the emulator puts parts together, and answers nobody meanwhile
        shown = answer.json()
        if shown["State"] == "Success":
            break
        assert shown["State"] != "Failure", shown
        if seen < kills and shown["Progress"] > progress:
            stack.kill_workers("jobs")
            progress, seen = shown["Progress"], seen + 1
        time.sleep(_LOOK_AGAIN_SECONDS)
    assert seen == kills, "the archive was made before its workers could be killed"
    assert shown["Content"]["InstancesCount"] == len(study.files)
    return f"{job['Path']}/archive"


def forget_messages(stack: Stack) -> None:
    """Remove what killed workers held: stale as it is, the queue keeps it in flight for long."""
    sqs = stack.client("sqs")
    (url,) = (
        url for url in sqs.list_queues()["QueueUrls"] if "-JobsQueue" in url and "Dead" not in url
    )
    sqs.purge_queue(QueueUrl=url)


def downloaded(stack: Stack, path: str, target: Path, *, cut_at: int) -> None:
    """Download a file with curl, broken off once and resumed."""
    url = f"{stack.http}{path}"
    curl = ["curl", "--silent", "--show-error", "--fail", "--location", "--noproxy", "*"]
    broken = subprocess.Popen([*curl, "--limit-rate", "200M", "-o", target, url])
    while not target.exists() or target.stat().st_size < cut_at:
        assert broken.poll() is None, "the download ended before it was broken off"
    broken.kill()
    broken.wait()
    size = target.stat().st_size
    subprocess.run([*curl, "--continue-at", "-", "-o", target, url], check=True)
    assert target.stat().st_size > size >= cut_at


def check_members(study: Study, file: Path, rest: httpx.Client) -> None:
    """Check a ZIP with the tools of others, and each member against what was sent."""
    for name, *options in (["unzip", "-tqq"], ["7zz", "t"]):
        subprocess.run([tool(name), *options, file], check=True, capture_output=True)
    sent = {
        identity.sop_instance_uid: (path, identity.orthanc_id(Level.INSTANCE))
        for path, identity in zip(study.files, study.identities, strict=True)
    }
    with zipfile.ZipFile(file) as opened:
        for name in opened.namelist():
            member = opened.read(name)
            data_set = pydicom.dcmread(io.BytesIO(member))
            path, orthanc_id = sent.pop(data_set.SOPInstanceUID)
            md5 = rest.get(f"/instances/{orthanc_id}/attachments/dicom/md5").text
            assert hashlib.md5(member, usedforsecurity=False).hexdigest() == md5
            assert data_set == pydicom.dcmread(path)
    assert not sent


def check_large(stack: Stack, folder: Path, kills: int, **size: int) -> None:
    study = make_study(folder / "study", **size)  # type: ignore[arg-type]
    send(stack, study.files, seconds=_PATIENCE_SECONDS)
    with stack.rest() as rest:
        path = archived(stack, study, rest, kills)
        forget_messages(stack)
        downloaded(stack, path, folder / "a.zip", cut_at=1 << 20)
        check_members(study, folder / "a.zip", rest)
        figures = stack.status()["functions"]["jobs"]
        assert figures["peak_memory_mb"] < _WORKERS_MB
        rest.delete(f"/studies/{study.orthanc_id(Level.STUDY)}")


def test_a_study_of_500_mb_is_archived_while_workers_die(stack: Stack, tmp_path: Path) -> None:
    check_large(stack, tmp_path, 3, **_MEGABYTES_500)


@pytest.mark.soak
def test_a_study_of_5_gb_is_archived_while_workers_die(stack: Stack, tmp_path: Path) -> None:
    check_large(stack, tmp_path, 3, **_GIGABYTES_5)


def test_an_ordinary_client_simply_gets_its_zip(stack: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 40, edge=720)
    send(stack, study.files)
    path = f"/studies/{study.orthanc_id(Level.STUDY)}/archive"
    with stack.rest(follow_redirects=True) as rest:
        for answer in (rest.get(path), rest.post(path, json={"Transcode": "1.2.840.10008.1.2.5"})):
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/zip"
            assert "filename=" in answer.headers["content-disposition"]
            assert answer.headers["etag"]
            (tmp_path / "a.zip").write_bytes(answer.content)
            with zipfile.ZipFile(tmp_path / "a.zip") as opened:
                assert len(opened.namelist()) == 40
                assert opened.testzip() is None
        assert rest.get(path).headers["etag"] == rest.get(path).headers["etag"]
