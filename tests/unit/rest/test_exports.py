"""`/exports`, `/plugins`, and what `/tools` says and does besides options."""

from __future__ import annotations

import re

import pytest

from nephele.domain.levels import Level
from nephele.services.archive import Archive
from nephele.services.exports import log_export
from nephele.services.hierarchy import require_resource
from tests.unit.rest.conftest import Client, Connect, open_test_archive, read_sample

EMPTY = {"Done": True, "Exports": [], "Last": 0}


def test_no_exports(client: Client) -> None:
    for query in ("", "?last", "?limit=x", "?since=-1"):
        assert client.get(f"/exports{query}").json() == EMPTY
    assert client.get("/exports?since=4").json() == EMPTY | {"Last": 4}
    assert client.delete("/exports").content == b""
    assert client.post("/exports").headers["allow"] == "GET,DELETE"


@pytest.fixture
def exported(connect: Connect) -> Client:
    """Return a client of an archive that logged its patient, study, series and instance as sent."""
    client = connect(LogExportedResources=True)
    archive = open_test_archive(LogExportedResources=True)
    ids = client.post("/instances", content=read_sample()).json()
    levels = {Level.PATIENT: "ParentPatient", Level.STUDY: "ParentStudy"}
    levels |= {Level.SERIES: "ParentSeries", Level.INSTANCE: "ID"}
    for level, name in levels.items():
        log_export(archive, require_resource(archive, level, ids[name]), "PACS")
    return client


def test_exports(exported: Client) -> None:
    answer = exported.get("/exports").json()
    assert (answer["Done"], answer["Last"]) == (True, 4)
    assert [export["Seq"] for export in answer["Exports"]] == [1, 2, 3, 4]
    patient, study, _, instance = answer["Exports"]
    assert patient.keys() == {
        *("Date", "ID", "Path", "PatientID", "RemoteModality", "ResourceType", "Seq")
    }
    assert (patient["PatientID"], patient["RemoteModality"]) == ("1CT1", "PACS")
    assert patient["Path"] == f"/patients/{patient['ID']}"
    assert study["StudyInstanceUID"].startswith("1.3.6.1.4.1.5962.1.2.")
    assert instance["ResourceType"] == "Instance"
    assert instance["SOPInstanceUID"].startswith("1.3.6.1.4.1.5962.1.1.")
    assert re.fullmatch(r"\d{8}T\d{6}", instance["Date"])


def test_pages_of_exports(exported: Client) -> None:
    page = exported.get("/exports?since=1&limit=2").json()
    assert ([one["Seq"] for one in page["Exports"]], page["Last"]) == ([2, 3], 3)
    assert page["Done"] is False
    assert len(exported.get("/exports?limit=0").json()["Exports"]) == 4
    last = exported.get("/exports?last").json()
    assert ([one["Seq"] for one in last["Exports"]], last["Last"]) == ([4], 4)


def test_numbers_of_exports_go_on(exported: Client) -> None:
    exported.delete("/exports")
    assert exported.get("/exports").json() == EMPTY
    archive = open_test_archive(LogExportedResources=True)
    patient = exported.get("/patients").json()[0]
    log_export(archive, require_resource(archive, Level.PATIENT, patient), "PACS")
    assert [one["Seq"] for one in exported.get("/exports").json()["Exports"]] == [5]


def test_exports_are_not_logged_by_default(client: Client, archive: Archive) -> None:
    patient = client.post("/instances", content=read_sample()).json()["ParentPatient"]
    log_export(archive, require_resource(archive, Level.PATIENT, patient), "PACS")
    assert client.get("/exports").json() == EMPTY


def test_clearing_changes(client: Client) -> None:
    client.post("/instances", content=read_sample())
    response = client.delete("/changes")
    assert (response.status_code, response.content) == (200, b"")
    assert client.get("/changes").json() == {"Changes": [], "Done": True, "Last": 4}
    assert client.get("/changes?last").json() == {"Changes": [], "Done": True, "Last": 4}


def test_plugins(client: Client) -> None:
    assert client.get("/plugins").json() == ["explorer.js"]
    script = client.get("/plugins/explorer.js")
    assert script.headers["content-type"] == "application/javascript"
    assert script.text.startswith("//")
    response = client.get("/plugins/gdcm")
    assert (response.status_code, response.content) == (404, b"")


def test_metrics(client: Client) -> None:
    client.post("/instances", content=read_sample())
    response = client.get("/tools/metrics-prometheus")
    assert response.headers["content-type"] == "text/plain; version=0.0.4"
    lines = [line.split(" ") for line in response.text.splitlines()]
    figures = {name: float(value) for name, value, _ in lines}
    assert [figures[f"orthanc_count_{level.collection}"] for level in Level] == [1, 1, 1, 1]
    size = len(read_sample()) / 2**20
    assert figures["orthanc_disk_size_mb"] == pytest.approx(size)
    assert figures["orthanc_uncompressed_size_mb"] == pytest.approx(size)
    assert figures["orthanc_last_change"] == 4
    assert figures["orthanc_rest_api_active_requests"] >= 1
    assert figures["orthanc_rest_api_duration_ms"] > 0
    jobs = [figures[f"orthanc_jobs_{state}"] for state in ("pending", "running", "completed")]
    assert jobs == [0, 0, figures["orthanc_jobs_success"] + figures["orthanc_jobs_failed"]]
    assert figures["nephele_dead_letters"] == figures["nephele_versions_aside"] == 0
    assert all(re.fullmatch(r"\d{13}", time) for *_, time in lines)
    client.request("PUT", "/tools/metrics", content="0")
    assert client.get("/tools/metrics-prometheus").text == ""


def test_conformance_statement(connect: Connect) -> None:
    client = connect(DicomAet="NEPHELE", AcceptedSopClasses=["1.2.840.10008.5.1.4.1.1.2", "1.2.3"])
    client.request("PUT", "/tools/accepted-transfer-syntaxes", content="1.2.840.10008.1.2.5")
    text = client.get("/tools/dicom-conformance").text
    assert "Application entity: NEPHELE" in text
    assert "  Verification | 1.2.840.10008.1.1" in text
    assert "CTImageStorage | 1.2.840.10008.5.1.4.1.1.2" in text
    assert "| 1.2.3\n" in text
    assert "MRImageStorage" not in text
    assert [line for line in text.splitlines() if "1.2.840.10008.1.2" in line] == [
        "  RLE Lossless | 1.2.840.10008.1.2.5"
    ]
    assert "in no dictionary" not in text
    client.request("PUT", "/tools/unknown-sop-class-accepted", content="1")
    assert "in no dictionary" in client.get("/tools/dicom-conformance").text


def test_bulk_delete(client: Client) -> None:
    ids = client.post("/instances", content=read_sample()).json()
    nothing = "-".join(["0" * 8] * 5)
    resources = [nothing, "x", ids["ID"], {"Level": "Study", "ID": ids["ParentStudy"]}]
    response = client.post("/tools/bulk-delete", json={"Resources": resources})
    assert (response.status_code, response.content) == (200, b"")
    assert client.get("/patients").json() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"Resources": "x"}', 15),
        ('{"Resources": [1]}', 15),
        ('{"Resources": [{"Level": "Study"}]}', 15),
        ("{}", 15),
        ("[]", 8),
        ("zz", 8),
        ("", 8),
    ],
)
def test_bad_bulk_delete(client: Client, body: str, code: int) -> None:
    response = client.post("/tools/bulk-delete", content=body)
    assert (response.status_code, response.json()["OrthancStatus"]) == (400, code)


@pytest.mark.parametrize("tool", ["execute-script", "reset", "shutdown"])
def test_what_has_no_meaning_here(client: Client, tool: str) -> None:
    response = client.post(f"/tools/{tool}", content=b"print(1)")
    assert (response.status_code, response.content) == (403, b"")


def test_invalidating_tags(client: Client) -> None:
    response = client.post("/tools/invalidate-tags")
    assert (response.status_code, response.content) == (200, b"")
