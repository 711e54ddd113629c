"""`/jobs`, as clients see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.requests import Request

from nephele.aws import clients
from nephele.aws.queues import Queue
from nephele.domain.jobs import Executor, Job, JobState
from nephele.errors import BadFileFormat, JobCanceled, NetworkProtocol, NotTranscodable
from nephele.rest.job_arguments import answer_job, job_options
from nephele.services.archive import Archive
from nephele.services.jobs import kinds, submit
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import KindRow
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import JobOptions

from .conftest import Client

UNKNOWN = "/jobs/11111111-2222-3333-4444-555555555555"


class Kind:
    """A kind whose work is a function."""

    def __init__(self, work: Callable[[Archive, Slice], bool]) -> None:
        self.run = work


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in (
        KindRow("Test", Executor.FUNCTIONS),
        KindRow("Archive", Executor.FUNCTIONS, can_resubmit=False),
        KindRow("Hidden", Executor.FUNCTIONS, is_hidden=True),
    ):
        monkeypatch.setitem(kinds.KINDS, row.job_type, row)


@pytest.fixture
def archive(archive: Archive) -> Iterator[Archive]:
    for name in ("jobs", "edge_jobs"):
        archive.queues[name] = Queue(clients.sqs().create_queue(QueueName=name)["QueueUrl"])
    yield archive
    for queue in archive.queues.values():
        clients.sqs().delete_queue(QueueUrl=queue.url)


Work = Callable[[Archive, Slice], bool]


def make(archive: Archive, work: Work | None = None, job_type: str = "Test", **options: Any) -> Job:
    """Submit a job, and run a slice of it if there is some work."""
    content = {"Description": "REST API", "InstancesCount": 2}
    job = submit.submit(archive, job_type, {}, JobOptions(synchronous=False, **options), content)
    if work is not None:
        message = {"job": job.identifier, "turn": 0}
        run_message(archive, message, lambda _: Kind(work), lambda: True)
    return job


def succeed(archive: Archive, piece: Slice) -> bool:
    return True


def write(archive: Archive, piece: Slice) -> bool:
    archive.bucket.put("derived/answers/job", b'{"b":[1],"a":"zip"}', {}, bytes(16))
    piece.set_output("derived/answers/job", "Study.zip")
    return True


def half(archive: Archive, piece: Slice) -> bool:
    piece.progress = 0.5
    return False


def refuse(archive: Archive, piece: Slice) -> bool:
    piece.checkpoint(0.25)
    raise NetworkProtocol("no association", {"Type": "Dimse", "Content": {"DimseErrorStatus": 1}})


def test_a_job_looks_like_orthancs(client: Client, archive: Archive) -> None:
    job = make(archive, succeed, priority=-3, user_data=["mine"])
    found = client.get(f"/jobs/{job.identifier}").json()
    assert found.pop("CreationTime") < found.pop("CompletionTime") < found.pop("Timestamp")
    assert 0 <= found.pop("EffectiveRuntime") < 60
    assert found == {
        "ID": job.identifier,
        "Type": "Test",
        "State": "Success",
        "Priority": -3,
        "Progress": 100,
        "ErrorCode": 0,
        "ErrorDescription": "Success",
        "ErrorDetails": "",
        "Content": {"Description": "REST API", "InstancesCount": 2},
        "UserData": ["mine"],
    }
    assert client.get("/jobs").json() == [job.identifier]
    assert [one["ID"] for one in client.get("/jobs?expand").json()] == [job.identifier]


def test_a_failed_job_tells_why(client: Client, archive: Archive) -> None:
    job = make(archive, refuse)
    found = client.get(f"/jobs/{job.identifier}").json()
    assert (found["State"], found["ErrorCode"]) == ("Failure", 9)
    assert found["ErrorDescription"] == "Error in the network protocol"
    assert found["ErrorDetails"] == "no association"
    assert found["ErrorPayload"] == {"Type": "Dimse", "Content": {"DimseErrorStatus": 1}}
    assert found["Progress"] == 25
    waited = client.get(f"/jobs/{job.identifier}/wait")
    assert waited.status_code == 500
    described = waited.json()
    assert described["OrthancStatus"] == 9
    assert described["Details"] == "no association"
    assert described["ErrorPayload"] == found["ErrorPayload"]


@pytest.mark.parametrize(
    ("error", "code", "description"),
    [
        (JobCanceled(), 37, "This job was canceled"),
        (NotTranscodable("no codec"), 23, "Incompatible format of the images"),
        (ValueError("a bug"), -1, "Internal error"),
    ],
    ids=["cancelled", "an error without a code", "a bug"],
)
def test_error_codes(
    client: Client, archive: Archive, error: Exception, code: int, description: str
) -> None:
    def work(archive: Archive, piece: Slice) -> bool:
        raise error

    found = client.get(f"/jobs/{make(archive, work).identifier}").json()
    assert (found["ErrorCode"], found["ErrorDescription"]) == (code, description)


def test_a_running_job_says_when_it_will_be_done(client: Client, archive: Archive) -> None:
    found = client.get(f"/jobs/{make(archive, half).identifier}").json()
    assert (found["State"], found["Progress"]) == ("Running", 50)
    assert found["EstimatedTimeOfArrival"] >= found["CreationTime"]
    assert "CompletionTime" not in found


@pytest.mark.parametrize(
    ("method", "path", "status", "has_body"),
    [
        ("GET", UNKNOWN, 404, False),
        ("POST", f"{UNKNOWN}/pause", 400, False),
        ("POST", f"{UNKNOWN}/resume", 400, False),
        ("POST", f"{UNKNOWN}/cancel", 400, False),
        ("POST", f"{UNKNOWN}/resubmit", 400, False),
        ("DELETE", UNKNOWN, 404, True),
        ("GET", f"{UNKNOWN}/archive", 404, True),
        ("DELETE", f"{UNKNOWN}/archive", 404, True),
        ("GET", f"{UNKNOWN}/wait", 404, True),
    ],
)
def test_unknown_jobs(
    client: Client,
    method: str,
    path: str,
    status: int,
    has_body: bool,
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert bool(answer.content) == has_body
    if has_body and not path.endswith("wait"):
        assert answer.json()["OrthancStatus"] == 7


def test_actions(client: Client, archive: Archive) -> None:
    path = f"/jobs/{make(archive).identifier}"
    steps = [
        ("resume", 400, "Pending"),
        ("pause", 200, "Paused"),
        ("pause", 200, "Paused"),
        ("resume", 200, "Pending"),
        ("cancel", 200, "Failure"),
        ("cancel", 200, "Failure"),
        ("pause", 200, "Failure"),
        ("resubmit", 200, "Pending"),
        ("resubmit", 400, "Pending"),
    ]
    for action, status, state in steps:
        answer = client.post(f"{path}/{action}")
        assert (action, answer.status_code) == (action, status)
        assert answer.content == (b"{}" if status == 200 else b"")
        assert client.get(path).json()["State"] == state


def test_an_archive_is_not_submitted_again(client: Client, archive: Archive) -> None:
    failed, good = make(archive, refuse, "Archive"), make(archive, succeed, "Archive")
    answer = client.post(f"/jobs/{failed.identifier}/resubmit")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 6)
    answer = client.post(f"/jobs/{good.identifier}/resubmit")
    assert (answer.status_code, answer.content) == (400, b"")


def test_outputs(client: Client, archive: Archive) -> None:
    path = f"/jobs/{make(archive, write).identifier}"
    answer = client.get(f"{path}/archive")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'filename="Study.zip"'
    assert answer.content.startswith(b"{")
    assert client.get(f"{path}/other").status_code == 404
    assert client.delete(f"{path}/archive").status_code == 200
    assert client.get(f"{path}/archive").status_code == 404
    deleted = client.delete(path)
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert client.get(path).status_code == 404
    assert client.get("/jobs").json() == []


def test_an_output_that_is_asked_for_too_early(client: Client, archive: Archive) -> None:
    path = f"/jobs/{make(archive, half).identifier}"
    answer = client.get(f"{path}/archive")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)
    assert client.delete(path).status_code == 404


def test_waiting(client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nephele.rest.routers.jobs.wait_for", waiting_briefly)
    job = make(archive)
    answer = client.get(f"/jobs/{job.identifier}/wait")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/jobs/{job.identifier}/wait"
    assert answer.json() == {"ID": job.identifier, "Path": f"/jobs/{job.identifier}"}
    message = {"job": job.identifier, "turn": 0}
    run_message(archive, message, lambda _: Kind(succeed), lambda: True)
    assert client.get(f"/jobs/{job.identifier}/wait").json() == job.content


def waiting_briefly(archive: Archive, identifier: str) -> Job:
    return submit.wait_for(archive, identifier, seconds=0)


def test_a_hidden_job_answers_with_what_it_wrote(client: Client, archive: Archive) -> None:
    job = make(archive, write, "Hidden")
    assert client.get("/jobs").json() == []
    assert client.get(f"/jobs/{job.identifier}/wait").json() == {"b": [1], "a": "zip"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, JobOptions()),
        ({"Asynchronous": True}, JobOptions(synchronous=False)),
        ({"Asynchronous": True, "Synchronous": True}, JobOptions()),
        ({"Synchronous": False}, JobOptions(synchronous=False)),
        ({"Priority": -2, "Permissive": True}, JobOptions(priority=-2, permissive=True)),
        ({"UserData": {"x": None}}, JobOptions(user_data={"x": None})),
    ],
    ids=["defaults", "asynchronous", "Synchronous wins", "not synchronous", "more", "user data"],
)
def test_options_of_bodies(body: dict[str, Any], expected: JobOptions) -> None:
    assert job_options(body) == expected


@pytest.mark.parametrize(
    "body", [{"Synchronous": 1}, {"Asynchronous": "yes"}, {"Priority": "1"}, {"Permissive": 0}]
)
def test_fields_of_other_types(body: dict[str, Any]) -> None:
    with pytest.raises(BadFileFormat):
        job_options(body)


def test_answers_of_routes_that_submit(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "load_kind", lambda _: Kind(succeed))
    scope = {"type": "http", "method": "POST", "path": "/x", "headers": [], "root_path": ""}
    request = Request(scope)
    asynchronous, synchronous = JobOptions(synchronous=False), JobOptions()
    job = submit.submit(archive, "Test", {}, asynchronous, {"Description": "d"})
    answer = answer_job(request, archive, job, asynchronous)
    assert job.identifier.encode() in bytes(answer.body)
    job = submit.submit(archive, "Test", {}, synchronous, {"Description": "d"})
    answer = answer_job(request, archive, job, synchronous)
    assert answer.body == b'{\n   "Description" : "d"\n}'
    assert submit.wait_for(archive, job.identifier).state is JobState.SUCCESS
