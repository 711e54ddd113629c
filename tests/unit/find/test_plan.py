"""Which rows a search reads, what that costs, and where its budget ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nephele.aws import clients
from nephele.aws.bucket import Bucket
from nephele.aws.index.meter import Meter
from nephele.errors import BudgetExhausted
from nephele.rest import find_answers, find_job, within_call
from nephele.rest.app import create_app
from nephele.rest.limits import LAMBDA
from nephele.rest.styled_json import styled
from nephele.services.archive import Archive
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from tests.unit.conftest import messages
from tests.unit.find.conftest import uids
from tests.unit.rest.conftest import Client

_READS = ("GetItem", "Query", "BatchGetItem", "Scan", "TransactGetItems", "ExecuteStatement")
_UNKNOWN = "-".join(["0" * 8] * 5)

INDEXES: dict[str, tuple[dict[str, Any], str]] = {
    "no constraint": ({}, "all studies by id"),
    "a tag of the study": ({"StudyDescription": "x"}, "all studies"),
    "a tag of the file": ({"Rows": "128"}, "all studies by id"),
    "a UID": ({"StudyInstanceUID": "1.2.1", "StudyDate": "2020-"}, "StudyInstanceUID"),
    "an accession number": ({"AccessionNumber": "acc1", "PatientName": "d*"}, "AccessionNumber"),
    "a pattern of accession numbers": ({"AccessionNumber": "acc*"}, "all studies"),
    "a PatientID": ({"PatientID": "P1", "PatientName": "d*"}, "PatientID"),
    "a name": ({"PatientName": "doe^jane"}, "PatientName"),
    "the beginning of a name": ({"PatientName": "doe*"}, "PatientName, beginning"),
    "the end of a name": ({"PatientName": "*jane"}, "PatientName, within"),
    "two characters within a name": ({"PatientName": "*ne"}, "all studies"),
    "any name": ({"PatientName": "*"}, "all studies"),
    "a range": ({"StudyDate": "2020-"}, "StudyDate"),
    "a modality": ({"ModalitiesInStudy": "CT"}, "ModalitiesInStudy"),
    "a pattern of modalities": ({"ModalitiesInStudy": "C*"}, "all studies by id"),
    "two of them": (
        {"ModalitiesInStudy": "CT", "StudyDate": "2020-"},
        "ModalitiesInStudy and StudyDate",
    ),
    "what nothing has": ({"Modality": "CT"}, "none: nothing has such a value"),
}


def _explained(client: Client, **body: Any) -> Any:
    answer = client.post("/tools/find", json={"Level": "Study", **body, "Explain": True})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("reason", INDEXES)
def test_the_narrowest_rows_are_read(client: Client, reason: str) -> None:
    query, index = INDEXES[reason]
    explained = _explained(client, Query=query)
    assert explained["Explain"]["Index"] == index
    assert (
        explained["Answers"]
        == client.post("/tools/find", json={"Level": "Study", "Query": query}).json()
    )


@pytest.mark.parametrize(
    ("level", "query", "index"),
    [
        ("Series", {"Modality": "CT"}, "Modality"),
        ("Series", {"SeriesDescription": "x"}, "all series by id"),
        ("Instance", {"SeriesDescription": "x"}, "all series by id"),
        ("Instance", {"StudyDescription": "x", "SeriesDescription": "x"}, "all studies"),
        ("Instance", {"SOPInstanceUID": "1.2.1.1.1"}, "SOPInstanceUID"),
        ("Patient", {"PatientSex": "O"}, "all patients by id"),
        ("Patient", {"PatientName": "*jane*"}, "PatientName, within"),
    ],
)
def test_other_levels(client: Client, level: str, query: dict[str, str], index: str) -> None:
    assert _explained(client, Level=level, Query=query)["Explain"]["Index"] == index


def test_what_is_read_is_told(client: Client, reads: list[tuple[str, dict[str, Any]]]) -> None:
    explained = _explained(client, Query={"StudyInstanceUID": "1.2.1"})["Explain"]
    assert (explained["ItemsRead"], explained["ReadUnits"]) == (1, 1)
    assert explained["Budget"] == {"ReadUnits": 20000, "Seconds": 20.0}
    assert [name for name, _ in reads] == ["Query"]
    reads.clear()
    explained = _explained(client, Query={"StudyInstanceUID": "1.2.1"}, Expand=True)["Explain"]
    assert explained["ItemsRead"] == 1 + 1 + 2, "identifier, study, children"
    assert explained["ReadUnits"] == len(reads)


@pytest.fixture
def reads(library: Archive) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Return the reads of the index made from now on: operation and parameters."""
    seen: list[tuple[str, dict[str, Any]]] = []

    def watch(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in _READS:
            seen.append((model.name, params))

    events = clients.dynamodb().meta.events
    events.register("provide-client-params.dynamodb", watch)
    yield seen
    events.unregister("provide-client-params.dynamodb", watch)


@pytest.mark.parametrize("level", ["Patient", "Study", "Series", "Instance"])
def test_every_read_is_consistent_and_of_the_table(
    client: Client, reads: list[tuple[str, dict[str, Any]]], level: str
) -> None:
    queries = [query for query, _ in INDEXES.values()]
    queries += [{"Rows": "128"}, {"SeriesDescription": "*"}, {"SOPInstanceUID": "1.2.1.1.1"}]
    for query in queries:
        for more in ({}, {"Expand": True}):
            body = {"Level": level, "Query": query, **more}
            assert client.post("/tools/find", json=body).status_code == 200
    client.post("/tools/lookup", content=b"P1")
    client.post("/tools/bulk-content", json={"Resources": [_UNKNOWN], "Level": level})
    assert {name for name, _ in reads} <= {"GetItem", "Query", "BatchGetItem"}
    for _, params in reads:
        assert "IndexName" not in params
        requests = params.get("RequestItems", {"": params}).values()
        assert all(request["ConsistentRead"] is True for request in requests)


def test_no_search_reads_the_bucket(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("S3 was asked")

    clients.s3().meta.events.register("before-call.s3", refuse)
    try:
        assert len(uids(client, Level="Study", Query={"Rows": "128"})) == 4
    finally:
        clients.s3().meta.events.unregister("before-call.s3", refuse)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"Query": {"StudyDescription": "*"}}, id="matching"),
        pytest.param({"Query": {"Rows": "128"}}, id="stored headers"),
        pytest.param({"Query": {"StudyInstanceUID": "1.2.1"}, "Expand": True}, id="rendering"),
        pytest.param({"Query": {"PatientName": "*jane"}, "Explain": True}, id="explaining"),
    ],
)
@pytest.mark.parametrize(("name", "most"), [("READ_UNITS", 1), ("SECONDS", 0.0)])
@pytest.mark.parametrize("is_enough_for_a_job", [True, False], ids=["a job may", "a job may not"])
def test_an_answer_is_never_a_part(
    client: Client,
    library: Archive,
    monkeypatch: pytest.MonkeyPatch,
    body: dict[str, Any],
    name: str,
    most: float,
    is_enough_for_a_job: bool,
) -> None:
    asked = {"Level": "Study", **body}
    whole = client.post("/tools/find", json=asked).json()
    monkeypatch.setattr(find_answers, f"FIND_{name}", most)
    monkeypatch.setattr(find_job, "_PATIENCE_SECONDS", 0.0)
    if not is_enough_for_a_job:
        monkeypatch.setattr(find_job, f"FIND_JOB_{name}", most)
    answer = client.post("/tools/find", json=asked)
    assert answer.status_code == 303
    (message,) = messages(library, "jobs")
    run_message(library, message, load_kind, lambda: True)
    awaited = client.get(answer.headers["location"])
    if is_enough_for_a_job:
        assert awaited.status_code == 200
        assert _answers(awaited.json()) == _answers(whole)
        return
    assert (awaited.status_code, awaited.json()["OrthancStatus"]) == (400, 8)
    for word in ("read units", "seconds", '"Limit"', '"Since"'):
        assert word in awaited.json()["Details"]


def _answers(answer: Any) -> Any:
    return answer["Answers"] if isinstance(answer, dict) else answer


@pytest.mark.parametrize(
    "path",
    [
        "/studies",
        "/studies?expand&since=1&limit=2&short&requested-tags=ModalitiesInStudy",
        "/instances?response-content=Parent;MainDicomTags",
        "/patients/{patient}/instances",
        "/patients/{patient}/studies?expand=false",
    ],
)
@pytest.mark.parametrize(("name", "most"), [("READ_UNITS", 0), ("SECONDS", -1.0)])
def test_a_list_is_never_a_part(
    client: Client,
    library: Archive,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    name: str,
    most: float,
) -> None:
    path = path.format(patient=client.get("/patients").json()[0])
    whole = client.get(path).content
    limited = Client(create_app(lambda: library, LAMBDA))
    assert limited.get(path).content == whole
    monkeypatch.setattr(within_call, f"FIND_{name}", most)
    monkeypatch.setattr(find_job, "_PATIENCE_SECONDS", 0.0)
    answer = limited.get(path)
    assert answer.status_code == 303
    (message,) = messages(library, "jobs")
    run_message(library, message, load_kind, lambda: True)
    assert limited.get(answer.headers["location"]).content == whole
    assert client.get(path).content == whole, "what nothing limits needs no job"


def test_descriptions_of_many_are_never_a_part(
    client: Client, library: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"Resources": client.get("/patients").json(), "Level": "Instance", "Short": True}
    whole = client.post("/tools/bulk-content", json=body).content
    monkeypatch.setattr(within_call, "FIND_READ_UNITS", 0)
    monkeypatch.setattr(find_job, "_PATIENCE_SECONDS", 0.0)
    limited = Client(create_app(lambda: library, LAMBDA))
    answer = limited.post("/tools/bulk-content", json=body)
    assert answer.status_code == 303
    (message,) = messages(library, "jobs")
    run_message(library, message, load_kind, lambda: True)
    assert limited.get(answer.headers["location"]).content == whole


def test_a_large_answer_of_a_job_is_not_read_by_the_call(
    library: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is as large as the platform lets no answer be; the client is sent to it."""
    large = [{"ID": str(n), "Text": "x" * 1000} for n in range(20_000)]
    monkeypatch.setattr(find_job, "_found", lambda *_: large)
    monkeypatch.setattr(within_call, "FIND_READ_UNITS", 0)
    monkeypatch.setattr(find_job, "_PATIENCE_SECONDS", 0.0)
    limited = Client(create_app(lambda: library, LAMBDA))
    answer = limited.get("/studies")
    (message,) = messages(library, "jobs")
    run_message(library, message, load_kind, lambda: True)
    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "read", lambda *_: pytest.fail("read"))
        patch.setattr(Bucket, "open_stream", lambda *_: pytest.fail("read"))
        awaited = limited.get(answer.headers["location"])
    assert awaited.status_code == 307
    key, _, query = awaited.headers["location"].removeprefix("/blobs/").partition("?")
    assert "response-content-type=application%2Fjson" in query
    assert library.bucket.read(key) == styled(large).encode()


@pytest.mark.parametrize("path", ["/studies?since=1", "/series?expand=x", "/patients/x/studies"])
def test_a_bad_list_is_refused_at_once(library: Archive, path: str) -> None:
    limited = Client(create_app(lambda: library, LAMBDA))
    assert limited.get(path).status_code in (400, 404)
    assert messages(library, "jobs") == []


def test_counting_goes_on_as_a_job(
    client: Client, library: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_answers, "FIND_READ_UNITS", 1)
    monkeypatch.setattr(find_job, "_PATIENCE_SECONDS", 0.0)
    asked = {"Level": "Study", "Query": {"PatientName": "*jane"}}
    answer = client.post("/tools/count-resources", json=asked)
    (message,) = messages(library, "jobs")
    run_message(library, message, load_kind, lambda: True)
    assert client.get(answer.headers["location"]).json() == {"Count": 1}


def test_a_limit_saves_reading(client: Client) -> None:
    everything = _explained(client, Query={"PatientSex": "O"}, Level="Patient")["Explain"]
    one = _explained(client, Query={}, Limit=1)["Explain"]
    assert one["ItemsRead"] <= everything["ItemsRead"]


@pytest.mark.parametrize(
    ("rows", "units"),
    [
        pytest.param([], 1, id="nothing"),
        pytest.param([{"t": {"S": "x" * 4095}}], 1, id="a unit"),
        pytest.param([{"t": {"S": "x" * 4096}}], 2, id="a byte more"),
        pytest.param([{"t": {"S": "é" * 2048}}], 2, id="bytes, not characters"),
        pytest.param([{"t": {"S": "x" * 1000}}] * 8, 2, id="rows of a page together"),
        pytest.param([{"b": {"B": b"x" * 9000}}], 3, id="binary"),
        pytest.param([{"m": {"M": {"CT": {"N": "12"}}}, "d": {"SS": ["a", "b"]}}], 1, id="others"),
    ],
)
def test_a_page_costs_what_it_holds(rows: list[dict[str, Any]], units: int) -> None:
    meter = Meter(100, 100)
    meter.add_page(rows)
    assert (meter.items, meter.units) == (len(rows), units)


def test_rests_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("nephele.aws.index.meter.time.monotonic", lambda: now)
    meter = Meter(100, 5)
    now = 2.0
    with meter.at_rest():
        now = 60.0
        meter.add_page([])  # what is read ahead meanwhile
    now = 62.0
    assert meter.seconds == 4.0
    meter.add_page([])
    now = 64.0
    with pytest.raises(BudgetExhausted):
        meter.add_page([])


def test_rows_by_key_cost_each() -> None:
    meter = Meter(100, 100)
    meter.add_rows([{"t": {"S": "x"}}, {"t": {"S": "x" * 5000}}], 3)
    assert (meter.items, meter.units) == (2, 1 + 2 + 1)
    with pytest.raises(BudgetExhausted):
        meter.add_rows([], 97)
