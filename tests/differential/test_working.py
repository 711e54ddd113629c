"""Peers and jobs are as Orthanc's, which is the peer: instances go both ways, nothing changes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import imagecodecs
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from tests.differential.server import PASSWORD, USER, Server, open_client
from tests.unit.conftest import dicom_file

_UNKNOWN = "00000000-0000-0000-0000-000000000000"
_NOBODY = "-".join(["0" * 8] * 5)
_RLE = "1.2.840.10008.1.2.5"
_JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
_VARYING = ("ID", "Path", "CreationTime", "CompletionTime", "Timestamp", "EffectiveRuntime")
_NEWER = ("Details", "ErrorDetails", "Resources", "Size", "Peer", "UserData")
"""What 1.10.1 has not, or says in its own words; sizes follow each server's meta information."""

_FILES = {name: dicom_file(SOPInstanceUID=f"1.2.826.0.1.3680043.9.{name}") for name in "123"}


@dataclass(frozen=True)
class Both:
    """Clients of both servers, each of which knows the other one as its peer `other`."""

    orthanc: httpx.Client
    nephele: httpx.Client

    def __iter__(self) -> Iterator[httpx.Client]:
        yield from (self.orthanc, self.nephele)


@pytest.fixture(scope="module")
def both(orthanc: Server, nephele: Server) -> Iterator[Both]:
    with open_client(orthanc) as theirs, open_client(nephele) as ours:
        for client, other in ((theirs, nephele), (ours, orthanc)):
            put(client, "other", [other.http, USER, PASSWORD])
            put(client, "wrong", [other.http, USER, "wrong"])
            put(client, "dead", ["http://127.0.0.1:1/"])
        yield Both(theirs, ours)


def put(client: httpx.Client, name: str, value: object) -> None:
    answer = client.put(f"/peers/{name}", content=json.dumps(value))
    assert (answer.status_code, answer.content) == (200, b"")


def shown(answer: httpx.Response) -> tuple[int, Any]:
    """Return what of an answer is to be the same."""
    try:
        value = answer.json()
    except ValueError:
        value = answer.text
    return answer.status_code, steady(value)


def steady(value: Any) -> Any:
    """Return a value without what varies from call to call."""
    if isinstance(value, list):
        return [steady(one) for one in value]
    if not isinstance(value, dict):
        return value
    hidden = {*_VARYING, *_NEWER}
    return {name: steady(one) for name, one in value.items() if name not in hidden}


PEERS: dict[str, tuple[str, str, bytes]] = {
    "list": ("GET", "/peers", b""),
    "operations": ("GET", "/peers/other", b""),
    "unknown": ("GET", "/peers/none", b""),
    "configuration of an unknown one": ("GET", "/peers/none/configuration", b""),
    "system of an unknown one": ("GET", "/peers/none/system", b""),
    "system of one that is not there": ("GET", "/peers/dead/system", b""),
    "a login that is wrong": ("GET", "/peers/wrong/system", b""),
    "delete an unknown one": ("DELETE", "/peers/none", b""),
    "a user without a password": ("PUT", "/peers/new", b'["http://x/","user"]'),
    "another scheme": ("PUT", "/peers/new", b'["ftp://x/"]'),
    "an empty URL": ("PUT", "/peers/new", b'[""]'),
    "no URL": ("PUT", "/peers/new", b"{}"),
    "a timeout that is text": ("PUT", "/peers/new", b'{"Url":"http://x","Timeout":"3"}'),
    "a property that is a list": ("PUT", "/peers/new", b'{"Url":"http://x","List":[1]}'),
    "an odd name": ("PUT", "/peers/b@d", b'["http://x/"]'),
    "no JSON": ("PUT", "/peers/new", b"junk"),
    "a long form": (
        "PUT",
        "/peers/new",
        b'{"URL":"http://x","Username":"u","Password":"p","HttpHeaders":{"A":"b"},"Mine":"1"}',
    ),
    "how that is shown": ("GET", "/peers/new/configuration", b""),
    "delete it": ("DELETE", "/peers/new", b""),
    "send to an unknown peer": ("POST", "/peers/none/store", b"[]"),
    "send nothing": ("POST", "/peers/other/store", b"[]"),
    "send what is no id": ("POST", "/peers/other/store", b'{"Resources":["x"]}'),
    "send an unknown id": ("POST", "/peers/other/store", _NOBODY.encode()),
    "an unknown transfer syntax": (
        "POST",
        "/peers/other/store",
        b'{"Resources":[],"Transcode":"nope"}',
    ),
    "send straight to an unknown peer": ("POST", "/peers/none/store-straight", b"x"),
    "send straight what is no DICOM": ("POST", "/peers/other/store-straight", b"nope"),
    "a job that is gone": ("GET", f"/jobs/{_UNKNOWN}", b""),
    "an output of a job that is gone": ("GET", f"/jobs/{_UNKNOWN}/archive", b""),
    "pause a job that is gone": ("POST", f"/jobs/{_UNKNOWN}/pause", b""),
    "resume a job that is gone": ("POST", f"/jobs/{_UNKNOWN}/resume", b""),
    "cancel a job that is gone": ("POST", f"/jobs/{_UNKNOWN}/cancel", b""),
    "resubmit a job that is gone": ("POST", f"/jobs/{_UNKNOWN}/resubmit", b""),
}
_DIFFERS = {
    "a login that is wrong": "Orthanc says that such a status is not allowed",
}


@pytest.mark.parametrize("name", PEERS)
def test_requests_are_answered_alike(both: Both, name: str) -> None:
    method, path, body = PEERS[name]
    theirs, ours = (shown(client.request(method, path, content=body)) for client in both)
    assert (theirs != ours) == (name in _DIFFERS), (theirs, ours)


def pixels(data_set: Dataset) -> bytes:
    """Decode by something that neither server has written."""
    if data_set.file_meta.TransferSyntaxUID == _JPEG_LOSSLESS:
        (frame,) = generate_frames(data_set.PixelData, number_of_frames=1)
        return bytes(imagecodecs.jpeg_decode(frame).tobytes())
    return bytes(data_set.pixel_array.tobytes())


def upload(client: httpx.Client, name: str) -> str:
    return str(client.post("/instances", content=_FILES[name]).json()["ID"])


def forget(client: httpx.Client, identifier: str) -> None:
    client.delete(f"/instances/{identifier}")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"Compress": True},
        {"Transcode": _RLE},
        {"Transcode": _JPEG_LOSSLESS, "Compress": True},
    ],
    ids=["as it is", "gzip", "a syntax one cannot write", "JPEG Lossless and gzip"],
)
@pytest.mark.parametrize("direction", ["to Nephele", "to Orthanc"])
def test_instances_go_both_ways(both: Both, direction: str, options: dict[str, Any]) -> None:
    sender, receiver = both if direction == "to Nephele" else reversed(list(both))
    identifier = upload(sender, "1")
    forget(receiver, identifier)
    answer = sender.post("/peers/other/store", json={"Resources": [identifier], **options})
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert (content["InstancesCount"], content["FailedInstancesCount"]) == (1, 0)
    arrived = receiver.get(f"/instances/{identifier}/file")
    if not options.get("Transcode"):
        assert arrived.content == _FILES["1"]
    data_set = pydicom.dcmread(io.BytesIO(arrived.content))
    original = pydicom.dcmread(io.BytesIO(_FILES["1"]))
    wanted = options.get("Transcode", original.file_meta.TransferSyntaxUID)
    is_possible = wanted != _RLE or direction == "to Orthanc"  # Orthanc writes no RLE
    expected = wanted if is_possible else original.file_meta.TransferSyntaxUID
    assert data_set.file_meta.TransferSyntaxUID == expected
    assert pixels(data_set) == original.PixelData
    forget(receiver, identifier)


def test_jobs_look_alike(both: Both) -> None:
    jobs = []
    for client in both:
        good, bad = upload(client, "2"), upload(client, "3")
        asked = {"Resources": [good, good], "Priority": 3, "UserData": {"a": [1]}}
        done = client.post("/peers/other/store", json={**asked, "Synchronous": True})
        lost = client.post("/peers/dead/store", json=[bad])
        listed = {one["ID"]: one for one in client.get("/jobs?expand").json()}
        assert client.get("/jobs").json() == sorted(listed)
        of_type = [one for one in listed.values() if one["Type"] == "OrthancPeerStore"]
        newest = sorted(of_type, key=lambda one: one["CreationTime"])[-2:]
        assert newest[1]["ErrorCode"] == lost.json()["OrthancStatus"]
        jobs.append([steady(one) for one in (*newest, done.json(), lost.json())])
        again = client.post(f"/jobs/{newest[1]['ID']}/resubmit")
        assert (again.status_code, again.content) == (200, b"{}")
        refused = client.post(f"/jobs/{newest[0]['ID']}/resubmit")
        assert (refused.status_code, refused.content) == (400, b"")
    for theirs, ours in zip(*jobs, strict=True):
        assert theirs == ours


def test_straight(both: Both) -> None:
    for client in both:
        answer = client.post("/peers/other/store-straight", content=_FILES["1"])
        assert answer.status_code == 200
        assert answer.json()["Status"] in ("Success", "AlreadyStored")
        assert client.get("/peers/other/system").json()["Name"] == "differential"


CLEARED = (("DELETE", "/changes", b""), ("GET", "/changes?limit=1", b""))
"""The last requests of all: what others ask of the log is gone then."""


def test_the_change_log_is_cleared_alike(both: Both) -> None:
    for method, path, body in CLEARED:
        theirs, ours = (shown(client.request(method, path, content=body)) for client in both)
        for status, page in (theirs, ours):
            assert status == 200
            if method == "GET":
                assert page.pop("Last") > 0
        assert theirs == ours
