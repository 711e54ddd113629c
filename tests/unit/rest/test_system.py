"""`/system`, `/statistics` and `/tools`."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from tests.unit.rest.conftest import Client, Connect


def test_system(connect: Connect) -> None:
    system = connect(Name="Test", DicomAet="NEPHELE", DicomPort=11112).get("/system").json()
    assert system["Version"] == "1.12.11"
    assert system["ApiVersion"] == 30
    assert (system["Name"], system["DicomAet"], system["DicomPort"]) == ("Test", "NEPHELE", 11112)
    assert system["MainDicomTags"]["Patient"] == (
        "0010,0010;0010,0020;0010,0030;0010,0040;0010,1000"
    )
    assert system["NepheleVersion"]


def test_statistics_of_an_empty_archive(client: Client) -> None:
    assert client.get("/statistics").json() == {
        "CountInstances": 0,
        "CountPatients": 0,
        "CountSeries": 0,
        "CountStudies": 0,
        "TotalDiskSize": "0",
        "TotalDiskSizeMB": 0,
        "TotalUncompressedSize": "0",
        "TotalUncompressedSizeMB": 0,
    }


def test_tools(client: Client) -> None:
    tools = client.get("/tools").json()
    assert tools == sorted(tools)
    assert {"default-encoding", "generate-uid", "lookup", "metrics-prometheus", "now"} <= set(tools)
    assert all("/" not in tool for tool in tools)


@pytest.mark.parametrize("path", ["/tools/now", "/tools/now-local"])
def test_now(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.headers["content-type"] == "text/plain"
    assert re.fullmatch(r"\d{8}T\d{6}", response.text)


@pytest.mark.parametrize(("level", "arc"), [("study", "2"), ("series", "3"), ("instance", "4")])
def test_generate_uid(client: Client, level: str, arc: str) -> None:
    uid = client.get(f"/tools/generate-uid?level={level}").text
    assert uid.startswith(f"1.2.276.0.7230010.3.1.{arc}.")
    assert len(uid) <= 64


def test_generate_uid_of_a_patient(client: Client) -> None:
    assert UUID(client.get("/tools/generate-uid?level=patient").text)


@pytest.mark.parametrize("query", ["", "?level=", "?level=nonsense"])
def test_generate_uid_of_nothing(client: Client, query: str) -> None:
    response = client.get(f"/tools/generate-uid{query}")
    assert response.status_code == 404
    assert response.content == b""
