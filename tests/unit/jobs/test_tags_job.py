"""Tags of more instances than a call can read: by a job, with the answer of a call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.rest import tags_job
from nephele.rest.app import create_app
from nephele.rest.limits import LAMBDA, Limits
from nephele.services.archive import Archive
from nephele.services.delete import delete
from tests.unit.conftest import empty_archive
from tests.unit.jobs.conftest import finish, leave_after_a_step
from tests.unit.rest.conftest import Client, changed_sample

QUERIES = ("", "?short", "?simplify", "?ignore-length=ImageComments")


@pytest.fixture(scope="module")
def opened() -> Iterator[Archive]:
    with empty_archive() as archive:
        yield archive


@pytest.fixture
def series(opened: Archive, request: pytest.FixtureRequest) -> OrthancId:
    """Return a series of five instances, which no other test has."""
    uid = f"1.9.{sum(request.node.name.encode())}"
    client = Client(create_app(lambda: opened))
    for number in range(5):
        values = {"SOPInstanceUID": f"{uid}.{number}", "ImageComments": "x" * 300}
        file = changed_sample(SeriesInstanceUID=uid, **values)
        answer = client.post("/instances", content=file).raise_for_status().json()
    return OrthancId(answer["ParentSeries"])


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three instances be many, and let a call do one step, and not wait for others."""
    monkeypatch.setattr(tags_job, "INSTANCES_IN_CALL", 3)
    monkeypatch.setattr(tags_job, "AT_ONCE", 2)
    monkeypatch.setattr(tags_job, "run_or_wait", leave_after_a_step)


def client_of(archive: Archive, limits: Limits = LAMBDA) -> Client:
    return Client(create_app(lambda: archive, limits))


@pytest.mark.parametrize("query", QUERIES)
def test_the_answer_is_that_of_a_call(opened: Archive, series: OrthancId, query: str) -> None:
    path = f"/series/{series}/instances-tags{query}"
    expected = client_of(opened, Limits()).get(path)
    assert len(expected.json()) == 5
    answer = client_of(opened).get(path)
    assert answer.status_code == 303
    assert finish(opened, 1) == 2
    told = client_of(opened).get(answer.headers["location"])
    assert (told.status_code, told.content) == (200, expected.content)
    assert told.headers["content-type"] == expected.headers["content-type"]
    assert client_of(opened).get("/jobs").json() == []


@pytest.mark.parametrize("query", QUERIES[:3])
def test_shared_tags_too(opened: Archive, series: OrthancId, query: str) -> None:
    path = f"/series/{series}/shared-tags{query}"
    expected = client_of(opened, Limits()).get(path)
    assert expected.json()
    answer = client_of(opened).get(path)
    assert answer.status_code == 303
    finish(opened, 1)
    assert client_of(opened).get(answer.headers["location"]).content == expected.content


@pytest.mark.parametrize("route", ["instances-tags?short", "shared-tags"])
@pytest.mark.parametrize("bound", ["CHARACTERS", "SECONDS"])
def test_few_instances_with_long_headers_are_gathered_by_a_job(
    opened: Archive,
    series: OrthancId,
    monkeypatch: pytest.MonkeyPatch,
    route: str,
    bound: str,
) -> None:
    """One header after the other then, in a step each: two are more than a step may hold."""
    path = f"/series/{series}/{route}"
    expected = client_of(opened, Limits()).get(path).content
    monkeypatch.setattr(tags_job, "INSTANCES_IN_CALL", 5)
    monkeypatch.setattr(tags_job, "AT_ONCE", 5)
    monkeypatch.setattr(tags_job, f"{bound}_IN_CALL", -1)
    monkeypatch.setattr(tags_job, f"{bound}_AT_ONCE", -1)
    answer = client_of(opened).get(path)
    assert answer.status_code == 303
    assert finish(opened, 2) >= 2
    assert client_of(opened).get(answer.headers["location"]).content == expected


def test_a_long_answer_is_streamed_where_nothing_limits_it(
    opened: Archive, series: OrthancId, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/series/{series}/instances-tags"
    expected = client_of(opened, Limits()).get(path)
    monkeypatch.setattr(tags_job, "CHARACTERS_IN_CALL", 1)
    streamed = client_of(opened, Limits()).get(path)
    assert "content-length" in expected.headers
    assert "content-length" not in streamed.headers
    assert streamed.content == expected.content


def test_a_large_answer_is_fetched_from_the_bucket(opened: Archive, series: OrthancId) -> None:
    small = client_of(opened, Limits(LAMBDA.request_bytes, 1000))
    answer = small.get(f"/series/{series}/instances-tags")
    finish(opened, 1)
    told = small.get(answer.headers["location"])
    assert told.status_code == 307
    assert told.headers["location"].startswith("/blobs/derived/answers/")


def test_few_instances_need_no_job(
    opened: Archive, series: OrthancId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tags_job, "INSTANCES_IN_CALL", 5)
    assert client_of(opened).get(f"/series/{series}/instances-tags").status_code == 200


def test_what_is_deleted_meanwhile_is_left_out(opened: Archive, series: OrthancId) -> None:
    client = client_of(opened)
    ids = client.get(f"/series/{series}/instances?expand=false").json()
    listed = client.get(f"/series/{series}/instances-tags?simplify")
    shared = client.get(f"/series/{series}/shared-tags?simplify")
    delete(opened, Level.INSTANCE, ids[0])
    delete(opened, Level.INSTANCE, ids[4])
    finish(opened, 1)
    assert list(client.get(listed.headers["location"]).json()) == ids[:4]
    assert client.get(shared.headers["location"]).json()["Modality"] == "CT"


def test_a_series_that_is_gone_is_not_found(opened: Archive, series: OrthancId) -> None:
    client = client_of(opened)
    answer = client.get(f"/series/{series}/instances-tags")
    delete(opened, Level.SERIES, series)
    finish(opened, 1)
    assert client.get(answer.headers["location"]).status_code == 404
