"""`/reconstruct`: what the index keeps is made anew from the stored headers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import dcmread

from nephele.aws.index import codec, keys, search_rows
from nephele.aws.index.table import Row
from nephele.domain.extra_tags import use_extra_main_tags
from nephele.services.archive import Archive
from tests.unit.rest.conftest import Client, Connect, changed_sample, read_sample

LEVELS = {
    "instances": "ID",
    "series": "ParentSeries",
    "studies": "ParentStudy",
    "patients": "ParentPatient",
}
EXTRA = {
    "Patient": ["PatientAge"],
    "Study": ["StudyComments"],
    "Series": ["SliceThickness"],
    "Instance": ["Rows"],
}


@pytest.fixture
def extra() -> Iterator[None]:
    """Leave the process as it was."""
    yield
    use_extra_main_tags({})


def everything(archive: Archive) -> dict[tuple[str, str], Row]:
    """Return all rows of the table."""
    from nephele.aws import clients

    pages = clients.dynamodb().get_paginator("scan").paginate(TableName=archive.index.table.name)
    rows = (row for page in pages for row in page["Items"])
    return {(row["pk"]["S"], row["sk"]["S"]): row for row in rows}


def main_tags(client: Client, ids: dict[str, str]) -> dict[str, Any]:
    return {
        level: client.get(f"/{level}/{ids[name]}").json()["MainDicomTags"]
        for level, name in LEVELS.items()
    }


@pytest.mark.parametrize("level", LEVELS)
def test_extra_main_tags_come_to_what_is_stored(
    client: Client, archive: Archive, extra: None, level: str
) -> None:
    ids = client.post("/instances", content=read_sample()).json()
    before = main_tags(client, ids)
    use_extra_main_tags(EXTRA)
    assert main_tags(client, ids) == before
    response = client.post(f"/{level}/{ids[LEVELS[level]]}/reconstruct")
    assert (response.status_code, response.content) == (200, b"")
    after = main_tags(client, ids)
    assert after["instances"] == before["instances"] | {"Rows": "128"}
    assert after["series"] == before["series"] | {"SliceThickness": "5.000000"}
    assert after["patients"] == before["patients"] | {"PatientAge": "000Y"}
    assert client.get("/changes").json()["Last"] == 4
    system = client.get("/system").json()["MainDicomTags"]
    assert "0028,0010" in system["Instance"]


def test_one_level_alone(client: Client, extra: None) -> None:
    ids = client.post("/instances", content=read_sample()).json()
    before = main_tags(client, ids)
    use_extra_main_tags(EXTRA)
    body = {"LimitToThisLevelMainDicomTags": True}
    assert client.post(f"/series/{ids['ParentSeries']}/reconstruct", json=body).status_code == 200
    after = main_tags(client, ids)
    assert {level for level in LEVELS if after[level] != before[level]} == {"series"}


def test_nothing_changes_where_all_is_right(client: Client, archive: Archive) -> None:
    for number in range(3):
        client.post("/instances", content=changed_sample(SOPInstanceUID=f"1.2.{number}"))
    before = everything(archive)
    patient = client.get("/patients").json()[0]
    client.post(f"/patients/{patient}/reconstruct")
    assert everything(archive) == before


def test_what_follows_from_another_default_encoding(client: Client, archive: Archive) -> None:
    """All rows are as if the files had come under the other encoding."""
    files = [_czech(number) for number in (1, 2)]
    for file in files:
        ids = client.post("/instances", content=file).json()
    client.request("PUT", "/tools/default-encoding", content="Latin2")
    client.post(f"/studies/{ids['ParentStudy']}/reconstruct")
    assert main_tags(client, ids)["patients"]["PatientName"] == "Dvořák^Jiří"
    study = client.get(f"/studies/{ids['ParentStudy']}").json()
    assert study["PatientMainDicomTags"]["PatientName"] == "Dvořák^Jiří"
    refreshed = _searchable(everything(archive))
    client.delete(f"/patients/{ids['ParentPatient']}")
    assert _searchable(everything(archive)) == {}, "nothing is left behind"
    for file in files:
        client.post("/instances", content=file)
    assert _searchable(everything(archive)) == refreshed


def _czech(number: int) -> bytes:
    dataset = dcmread(io.BytesIO(changed_sample(SOPInstanceUID=f"1.2.{number}")))
    del dataset.SpecificCharacterSet
    dataset.PatientName = "X" * 11
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue().replace(b"X" * 11, "Dvořák^Jiří".encode("iso8859-2"))


def test_other_studies_are_still_found_when_the_patient_is_spelled_anew(
    client: Client, archive: Archive
) -> None:
    file = _czech(1)
    ids = client.post("/instances", content=file).json()
    before = client.get(f"/patients/{ids['ParentPatient']}").json()["MainDicomTags"]["PatientName"]
    query = {"Level": "Study", "Query": {"PatientName": f"*{before[1:6]}*"}}
    client.request("PUT", "/tools/default-encoding", content="Latin2")
    body = {"LimitToThisLevelMainDicomTags": True}
    client.post(f"/patients/{ids['ParentPatient']}/reconstruct", json=body)
    assert main_tags(client, ids)["patients"]["PatientName"] == "Dvořák^Jiří"
    study = archive.index.table.get(keys.resource(ids["ParentStudy"]))
    assert study is not None
    expected = {(row["pk"]["S"], row["sk"]["S"]) for row in search_rows.rows_of(study)}
    assert any(pk.startswith("SFX#") for pk, _ in expected)
    assert expected <= set(everything(archive))
    assert client.post("/tools/find", json=query).json() == [ids["ParentStudy"]]


def _searchable(rows: dict[tuple[str, str], Row]) -> dict[tuple[str, str], Row]:
    wanted = ("SFX#", "NAME#", "DATE#", "MOD#", "ID#")
    return {name: row for name, row in rows.items() if name[0].startswith(wanted)}


def test_long_names_take_two_transactions(client: Client, archive: Archive) -> None:
    name = "Xy" * 30
    dataset = dcmread(io.BytesIO(changed_sample(PatientName=name)))
    del dataset.SpecificCharacterSet
    file = io.BytesIO()
    dataset.save_as(file)
    encoded = file.getvalue().replace(name.encode(), ("X" + "\xb9").encode("latin-1") * 30)
    ids = client.post("/instances", content=encoded).json()
    client.request("PUT", "/tools/default-encoding", content="Latin2")
    client.post(f"/patients/{ids['ParentPatient']}/reconstruct")
    assert main_tags(client, ids)["patients"]["PatientName"] == "Xš" * 30
    rows = everything(archive)
    patient = rows[ids["ParentPatient"], keys.RESOURCE]
    expected = {(row["pk"]["S"], row["sk"]["S"]) for row in search_rows.rows_of(patient)}
    expected |= {
        (row["pk"]["S"], row["sk"]["S"])
        for row in search_rows.rows_of(rows[ids["ParentStudy"], keys.RESOURCE])
    }
    found = {name for name in _searchable(rows) if not name[0].startswith("ID#")}
    assert found == expected


def test_modalities_follow(client: Client, archive: Archive) -> None:
    ids = client.post("/instances", content=read_sample()).json()
    key = keys.resource(ids["ParentSeries"])
    row = archive.index.table.get(key)
    assert row is not None
    row["t"] = codec.document(codec.read_document(row, "t") | {"0008,0060": "MR"})
    archive.index.table.put(row)
    client.post(f"/series/{ids['ParentSeries']}/reconstruct")
    study = archive.index.table.get(keys.resource(ids["ParentStudy"]))
    assert study is not None
    assert study["mo"] == {"M": {"CT": {"N": "1"}}}
    assert main_tags(client, ids)["series"]["Modality"] == "CT"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param("zz", 8, id="no JSON"),
        pytest.param("[]", 8, id="no object"),
        pytest.param('{"LimitToThisLevelMainDicomTags": "x"}', 15, id="no boolean"),
        pytest.param('{"ReconstructFiles": 1}', 15, id="a number"),
    ],
)
def test_bad_bodies(client: Client, body: str, code: int) -> None:
    ids = client.post("/instances", content=read_sample()).json()
    response = client.post(f"/instances/{ids['ID']}/reconstruct", content=body)
    assert (response.status_code, response.json()["OrthancStatus"]) == (400, code)


@pytest.mark.parametrize("level", LEVELS)
def test_files_follow_storage_compression(connect: Connect, level: str) -> None:
    client, packing = connect(), connect(StorageCompression=True)
    ids = client.post("/instances", content=read_sample()).json()
    other = client.post("/instances", content=changed_sample(SOPInstanceUID="1.2.3")).json()
    instance = f"/instances/{ids['ID']}"
    tags = client.get(f"{instance}/tags").content
    for one, is_compressed in ((packing, "1"), (packing, "1"), (client, "0")):
        answer = one.post(
            f"/{level}/{ids[LEVELS[level]]}/reconstruct", json={"ReconstructFiles": True}
        )
        assert (answer.status_code, answer.content) == (200, b"")
        assert one.get(f"{instance}/attachments/dicom/is-compressed").text == is_compressed
        assert one.get(f"{instance}/file").content == read_sample()
        assert one.get(f"{instance}/tags").content == tags
        assert one.post(f"{instance}/attachments/dicom/verify-md5").text == "{}"
    sibling = packing.get(f"/instances/{other['ID']}/attachments/dicom/is-compressed")
    assert sibling.text == "0"


def test_files_do_not_become_other_instances(connect: Connect) -> None:
    client = connect(IngestTranscoding="1.2.840.10008.1.2.4.50")
    response = client.post("/tools/reconstruct", json={"ReconstructFiles": True})
    assert (response.status_code, response.json()["OrthancStatus"]) == (400, 8)
    assert "IngestTranscoding" in response.json()["Details"]


def test_unknown_resources(connect: Connect) -> None:
    client = connect()
    ids = client.post("/instances", content=read_sample()).json()
    for level in ("patients", "studies", "series"):
        response = client.post(f"/{level}/{ids['ID']}/reconstruct")
        assert (response.status_code, response.json()["OrthancStatus"]) == (404, 17)
