"""`/modalities`: every option of both forms, and what becomes of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from nephele.services.modalities import current_modalities, modalities
from tests.unit.rest.conftest import Client, Connect, open_test_archive

_DEFAULTS = {
    "AET": "CT1",
    "AllowEcho": True,
    "AllowEventReport": True,
    "AllowFind": True,
    "AllowFindWorklist": True,
    "AllowGet": True,
    "AllowMove": True,
    "AllowNAction": True,
    "AllowStore": True,
    "AllowTranscoding": True,
    "Host": "10.0.0.1",
    "LocalAet": "",
    "Manufacturer": "Generic",
    "Port": 104,
    "RetrieveMethod": "SystemDefault",
    "Timeout": 0,
    "UseDicomTls": False,
}
_LONG = {"AET": "CT1", "Host": "10.0.0.1", "Port": 104}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (["CT1", "10.0.0.1", 104], {}),
        (["CT1", "10.0.0.1", "104"], {}),
        (["CT1", "10.0.0.1", 104, "GE"], {"Manufacturer": "GE"}),
        (_LONG, {}),
        (_LONG | {"Port": "104"}, {}),
        (_LONG | {"Unknown": 1}, {}),
        (_LONG | {"Manufacturer": "Vitrea"}, {"Manufacturer": "Vitrea"}),
        (_LONG | {"Manufacturer": "SyngoVia"}, {"Manufacturer": "GenericNoWildcardInDates"}),
        (_LONG | {"Manufacturer": "Dcm4Chee"}, {"Manufacturer": "Generic"}),
        (
            _LONG | {"AllowStorageCommitment": False},
            {"AllowNAction": False, "AllowEventReport": False},
        ),
        *((_LONG | {name: False}, {name: False}) for name in _DEFAULTS if name.startswith("Allow")),
        (_LONG | {"UseDicomTls": True}, {"UseDicomTls": True}),
        (_LONG | {"LocalAet": "ME"}, {"LocalAet": "ME"}),
        (_LONG | {"Timeout": 5}, {"Timeout": 5}),
        (_LONG | {"RetrieveMethod": "C-GET"}, {"RetrieveMethod": "C-GET"}),
    ],
    ids=str,
)
def test_every_option_is_kept(client: Client, given: Any, changed: dict[str, Any]) -> None:
    put = client.request("PUT", "/modalities/ct", json=given)
    assert (put.status_code, put.content) == (200, b"")
    expected = _DEFAULTS | changed
    assert client.get("/modalities/ct/configuration").json() == expected
    assert client.get("/modalities?expand").json() == {"ct": expected}


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("ct", b"nope", 15),
        ("ct", b"42", 15),
        ("ct", b'["CT1", "10.0.0.1"]', 15),
        ("ct", b'["CT1", "10.0.0.1", 0]', 3),
        ("ct", b'["CT1", "10.0.0.1", "x"]', 15),
        ("ct", b'["", "10.0.0.1", 104]', 15),
        ("ct", b'["SEVENTEEN-LETTERS", "10.0.0.1", 104]', 15),
        ("ct", b'["CT1", "", 104]', 15),
        ("ct", b'{"AET": "CT1", "Host": "10.0.0.1"}', 15),
        ("ct", b'{"AET": "CT1", "Host": "10.0.0.1", "Port": 104, "AllowEcho": 1}', 15),
        ("ct", b'["CT1", "10.0.0.1", 104, "Nobody"]', 3),
        ("c.t", b'["CT1", "10.0.0.1", 104]', 15),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else str(value),
)
def test_what_is_wrong_is_refused(client: Client, name: str, given: bytes, code: int) -> None:
    put = client.request("PUT", f"/modalities/{name}", content=given)
    assert (put.status_code, put.json()["OrthancStatus"]) == (400, code)
    assert client.get("/modalities").json() == []


def test_what_is_changed_wins_over_the_file(connect: Connect) -> None:
    options = {"DicomModalities": {"ct": ["CT1", "10.0.0.1", 104], "mr": ["MR", "10.0.0.2", 104]}}
    client = connect(**options)
    assert client.get("/modalities").json() == ["ct", "mr"]
    client.request("PUT", "/modalities/ct", json=["CT2", "10.0.0.9", 105])
    assert client.get("/modalities/ct/configuration").json()["AET"] == "CT2"
    assert client.delete("/modalities/mr").status_code == 200
    assert client.get("/modalities").json() == ["ct"]
    assert client.delete("/modalities/mr").json()["OrthancStatus"] == 7
    archive = open_test_archive(**options)
    assert current_modalities(archive).keys() == {"ct"}
    assert modalities(archive)["ct"].port == 105


def test_unknown_modalities_are_404s(client: Client) -> None:
    answer = client.get("/modalities/none")
    assert (answer.status_code, answer.content) == (404, b"")
    assert client.get("/modalities/none/configuration").json()["OrthancStatus"] == 7


@pytest.mark.parametrize(
    "verb",
    "echo query find-worklist store store-straight move get storage-commitment find find-patient"
    " find-study find-series find-instance".split(),
)
def test_requests_to_unknown_modalities_are_404s(client: Client, verb: str) -> None:
    answer = client.post(f"/modalities/none/{verb}", content=b"{}")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)


@pytest.mark.parametrize(
    ("verb", "body", "status", "code"),
    [
        ("query", b"", 400, 15),
        ("query", b"[]", 400, 15),
        ("query", b"{}", 400, 15),
        ("query", b'{"Level": "Nope"}', 400, 3),
        ("query", b'{"Level": "Study", "Query": {"NoSuchTag": ""}}', 400, 15),
        ("query", b'{"Level": "Study", "Query": {"PatientID": 5}}', 400, 15),
        ("query", b'{"Level": "Study", "Timeout": "5"}', 400, 15),
        ("store", b'["no id"]', 400, 15),
        ("store", b"no id", 400, 15),
        ("store", b'{"Resource": []}', 400, 15),
        ("store", b'["11111111-11111111-11111111-11111111-11111111"]', 404, 17),
        ("store-straight", b"no DICOM", 400, 15),
        ("move", b'{"Level": "Study"}', 400, 15),
        ("move", b'{"Resources": []}', 400, 15),
        ("move", b'{"Level": "Series", "Resources": [{"SeriesInstanceUID": "1"}]}', 400, 8),
        ("get", b'{"Level": "Patient", "Resources": [{"StudyInstanceUID": "1"}]}', 400, 8),
        ("storage-commitment", b"{}", 400, 15),
        ("storage-commitment", b'{"DicomInstances": [["1"]]}', 400, 15),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else str(value),
)
def test_wrong_bodies(client: Client, verb: str, body: bytes, status: int, code: int) -> None:
    client.request("PUT", "/modalities/ct", json=["CT1", "10.0.0.1", 104])
    answer = client.post(f"/modalities/ct/{verb}", content=body)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (status, code)


@pytest.mark.parametrize("verb", ["find-study", "find-series", "find-instance"])
def test_old_finds_want_enough(client: Client, verb: str) -> None:
    client.request("PUT", "/modalities/ct", json=["CT1", "10.0.0.1", 104])
    answer = client.post(f"/modalities/ct/{verb}", json={"PatientID": "P"})
    assert (answer.status_code, answer.content) == (400, b"")
