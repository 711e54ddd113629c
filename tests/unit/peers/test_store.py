"""Sending to peers that behave, and to peers that do not: nothing counts that is not confirmed."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pydicom
import pytest

from nephele.aws.index import job_leases
from nephele.domain.jobs import JobState
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.services.jobs import submit
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from nephele.services.peers import store_job
from nephele.settings.configuration import parse_configuration
from tests.unit.conftest import dicom_file, messages
from tests.unit.rest.conftest import Client

from .conftest import upload
from .servers import Behaviour, Handler, PeerServer


def store(client: Client, ids: object, **options: object) -> Any:
    return client.post("/peers/other/store", json={"Resources": ids, **options})


def test_instances_arrive_as_they_are(client: Client, peer: PeerServer) -> None:
    ids = upload(client, 3)
    answer = store(client, ids)
    assert sorted(peer.stored) == ids
    size = sum(len(body) for body in peer.bodies)
    assert answer.json() == {
        "Compress": False,
        "Description": "REST API",
        "FailedInstancesCount": 0,
        "InstancesCount": 3,
        "ParentResources": ids,
        "Peer": [peer.url],
        "Resources": [{"ID": one, "Type": "Instance"} for one in ids],
        "Size": str(size),
        "SizeMB": 0,
    }
    for identifier, body in zip(peer.stored, peer.bodies, strict=True):
        assert body == client.get(f"/instances/{identifier}/file").content
    assert all("Expect" not in headers for headers in peer.headers)
    (job,) = client.get("/jobs?expand").json()
    assert (job["Type"], job["State"], job["Progress"]) == ("OrthancPeerStore", "Success", 100)


def test_a_study_is_sent_whole(client: Client, peer: PeerServer) -> None:
    ids = upload(client, 2)
    (study,) = client.get("/studies").json()
    assert client.post("/peers/other/store", content=study).status_code == 200
    assert sorted(peer.stored) == ids
    exported = client.get("/exports").json()["Exports"]
    assert [(one["RemoteModality"], one["ID"]) for one in exported] == [("other", study)]


@pytest.mark.parametrize("is_logged", [True, False])
def test_exports_to_modalities(library: Archive, is_logged: bool) -> None:
    options = {"LogExportedResources": is_logged}
    logging = replace(library, configuration=parse_configuration(json.dumps(options)))
    client = Client(create_app(lambda: logging))
    ids = upload(client, 2)
    (study,) = client.get("/studies").json()
    client.request("PUT", "/modalities/pacs", json=["PACS", "127.0.0.1", 104])
    asked = {"Resources": [study, *ids, study], "Asynchronous": True}
    assert client.post("/modalities/pacs/store", json=asked).status_code == 200
    shown = [(one["RemoteModality"], one["ID"]) for one in client.get("/exports").json()["Exports"]]
    assert shown == ([("pacs", one) for one in asked["Resources"]] if is_logged else [])


def test_gzip(client: Client, peer: PeerServer) -> None:
    ids = upload(client)
    answer = store(client, ids, Compress=True)
    assert answer.json()["Compress"] is True
    assert peer.headers[0]["Content-Encoding"] == "gzip"
    assert int(answer.json()["Size"]) < len(peer.bodies[0])
    assert peer.bodies[0] == client.get(f"/instances/{ids[0]}/file").content


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.5"),
        ("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.1"),
    ],
    ids=["RLE", "what cannot be written travels as it is"],
)
def test_transcoding(client: Client, peer: PeerServer, target: str, expected: str) -> None:
    answer = store(client, upload(client), Transcode=target)
    assert answer.json()["Transcode"] == target
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(peer.bodies[0]))
    assert dataset.file_meta.TransferSyntaxUID == expected
    original = pydicom.dcmread(pydicom.filebase.DicomBytesIO(dicom_file(SOPInstanceUID="1.2.3.1")))
    assert (dataset.pixel_array == original.pixel_array).all()


def test_login_and_headers(client: Client, peer: PeerServer) -> None:
    secret = {"Username": "alice", "Password": "pä$$", "HttpHeaders": {"X-Token": "t"}}
    client.request("PUT", "/peers/other", json={"Url": peer.url, **secret})
    store(client, upload(client))
    expected = base64.b64encode("alice:pä$$".encode()).decode()
    assert peer.headers[0]["Authorization"] == f"Basic {expected}"
    assert peer.headers[0]["X-Token"] == "t"
    shown = client.get("/jobs?expand").text + client.get("/peers?expand").text
    assert "pä$$" not in shown
    assert '"t"' not in shown


def hang_up(handler: Handler) -> None:
    handler.close_connection = True
    handler.connection.close()


def half(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"ID":')
    handler.close_connection = True


def answer(status: int, body: bytes = b"{}", kind: str = "application/json") -> Behaviour:
    return lambda handler: handler.answer(status, body, kind)


FAILURES: dict[str, tuple[Behaviour, str]] = {
    "401": (answer(401), "refuses the login: HTTP 401"),
    "403": (answer(403), "refuses the login: HTTP 403"),
    "500": (answer(500), "HTTP 500"),
    "a redirect": (answer(302), "HTTP 302"),
    "HTML": (answer(200, b"<html>welcome</html>", "text/html"), "no JSON object: text/html"),
    "nothing": (answer(200, b""), "answers with nothing"),
    "an array": (answer(200, b"[]"), "no JSON object"),
    "no status": (answer(200, b"{}"), "did not store it"),
    "filtered out": (answer(200, b'{"ID":"x","Status":"FilteredOut"}'), "FilteredOut"),
}


@pytest.mark.parametrize(("behaviour", "reason"), FAILURES.values(), ids=FAILURES)
def test_failures(client: Client, peer: PeerServer, behaviour: Behaviour, reason: str) -> None:
    ids = upload(client, 2)
    peer.behaviours = [behaviour] * 2
    failed = store(client, ids)
    assert (failed.status_code, failed.json()["OrthancStatus"]) == (500, 9)
    assert reason in failed.json()["Details"]
    (job,) = client.get("/jobs?expand").json()
    assert (job["State"], job["ErrorCode"]) == ("Failure", 9)
    assert reason in job["ErrorDetails"]
    assert job["Content"]["Size"] == "0"
    assert peer.stored == []


@pytest.mark.parametrize("behaviour", [hang_up, half, answer(503)], ids=["cut", "half", "busy"])
def test_what_may_pass_is_tried_again(
    client: Client, peer: PeerServer, behaviour: Behaviour
) -> None:
    ids = upload(client, 2)
    peer.behaviours = [behaviour] * 3
    assert store(client, ids).status_code == 200
    assert sorted(peer.stored) == ids


def deaf(handler: Handler) -> None:
    """Answer nothing, and be there, until the client goes away."""
    handler.connection.recv(1)
    handler.close_connection = True


LASTING: dict[str, tuple[Behaviour, str]] = {
    "hangs up": (hang_up, "closed the connection"),
    "closes in the middle": (half, "closed the connection"),
    "busy": (answer(503), "answers with HTTP 503"),
    "says nothing": (deaf, "does not answer in time"),
}


@pytest.mark.parametrize(("behaviour", "reason"), LASTING.values(), ids=LASTING)
def test_what_does_not_pass_ends_the_job(
    client: Client,
    peer: PeerServer,
    behaviour: Behaviour,
    reason: str,
) -> None:
    client.request("PUT", "/peers/other", json={"Url": peer.url, "Timeout": 1})
    peer.behaviours = [behaviour] * 20
    failed = store(client, upload(client, 2))
    assert (failed.status_code, failed.json()["OrthancStatus"]) == (500, 9)
    assert reason in failed.json()["Details"]
    (job,) = client.get("/jobs?expand").json()
    assert (job["State"], job["ErrorCode"]) == ("Failure", 9)
    assert reason in job["ErrorDetails"]
    assert (job["Content"]["Size"], peer.stored) == ("0", [])


def test_a_peer_that_is_not_there(client: Client) -> None:
    client.request("PUT", "/peers/other", json=["http://127.0.0.1:9/"])
    failed = store(client, upload(client))
    assert failed.json()["OrthancStatus"] == 9
    assert "cannot be reached" in failed.json()["Details"]
    assert client.get("/peers/other/system").json()["OrthancStatus"] == 9


def test_permissive(client: Client, peer: PeerServer) -> None:
    ids = upload(client, 3)
    peer.behaviours = [answer(500)]
    content = store(client, ids, Permissive=True).json()
    assert (content["InstancesCount"], content["FailedInstancesCount"]) == (3, 1)
    assert len(peer.stored) == 2


class Killed(BaseException):
    """The end of a worker."""


def test_a_job_that_goes_on_sends_nothing_twice(
    client: Client,
    peer: PeerServer,
    library: Archive,
    monkeypatch: pytest.MonkeyPatch,
    deaths: Any,
) -> None:
    ids = upload(client, 24)
    sent = client.post("/peers/other/store", json={"Resources": ids, "Asynchronous": True}).json()
    (message,) = messages(library, "jobs")
    real = store_job._Sending._take

    def die(self: Any, future: Any) -> None:
        real(self, future)
        if len(peer.stored) >= 3:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(store_job._Sending, "_take", die)
        with pytest.raises(Killed):
            run_message(library, message, load_kind, lambda: True)
    assert 3 <= len(peer.stored) < 24
    deaths()
    run_message(library, message, load_kind, lambda: True)
    content = submit.wait_for(library, sent["ID"]).content
    assert content["InstancesCount"] == 24
    assert sorted(peer.stored) == ids, "each one once"
    assert content["Size"] == str(sum(map(len, peer.bodies)))


@pytest.mark.parametrize("few", [200, 0], ids=["plan in the row", "plan in an object"])
def test_an_end_that_fails_is_done_again(
    client: Client,
    peer: PeerServer,
    library: Archive,
    monkeypatch: pytest.MonkeyPatch,
    deaths: Any,
    few: int,
) -> None:
    monkeypatch.setattr(store_job, "_FEW", few)
    ids = upload(client, 3)
    sent = client.post("/peers/other/store", json={"Resources": ids, "Asynchronous": True}).json()
    (message,) = messages(library, "jobs")

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(job_leases, "end", die)
        with pytest.raises(Killed):
            run_message(library, message, load_kind, lambda: True)
    deaths()
    run_message(library, message, load_kind, lambda: True)
    assert submit.wait_for(library, sent["ID"]).state is JobState.SUCCESS
    assert sorted(peer.stored) == ids, "each one once"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/peers/none/store", {"Resources": []}, 404, 17),
        ("/peers/other/store", {"Resources": ["x"]}, 400, 15),
        ("/peers/other/store", {"Resources": ["-".join(["0" * 8] * 5)]}, 404, 17),
        ("/peers/other/store", {"Resources": [], "Transcode": "nope"}, 400, 15),
        ("/peers/other/store", {"Resources": [], "Compress": 1}, 400, 15),
        ("/peers/other/store", {"Resources": [], "LossyQuality": 0}, 400, 15),
        ("/peers/other/store", {}, 400, 15),
    ],
    ids=["peer", "no id", "unknown id", "syntax", "Compress", "quality", "no Resources"],
)
def test_bad_input(client: Client, path: str, body: dict[str, Any], status: int, code: int) -> None:
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (status, code)


def test_nothing_is_sent_at_once(client: Client) -> None:
    content = store(client, []).json()
    assert content["InstancesCount"] == 0
    assert "ParentResources" not in content


def test_system_is_relayed(client: Client) -> None:
    assert client.get("/peers/other/system").json() == {"Name": "peer", "ApiVersion": 30}


def test_store_straight(client: Client, peer: PeerServer) -> None:
    answer = client.post("/peers/other/store-straight", content=dicom_file())
    assert answer.json()["Status"] == "Success"
    assert peer.bodies == [dicom_file()]
    assert client.get("/instances").json() == []


def test_addresses_of_this_machine_are_refused_by_default(
    archive: Archive, peer: PeerServer
) -> None:
    client = Client(create_app(lambda: archive))
    client.request("PUT", "/peers/other", json=[peer.url])
    client.request("PUT", "/peers/metadata", json=["http://169.254.169.254/latest/"])
    for name in ("other", "metadata"):
        refused = client.get(f"/peers/{name}/system")
        assert (refused.status_code, refused.json()["OrthancStatus"]) == (500, 9)
        assert "PeersAllowedAddresses" in refused.json()["Details"]
