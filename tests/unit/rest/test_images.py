"""Files, tags and pictures of instances."""

from __future__ import annotations

import pytest

from tests.unit.rest.conftest import Client, changed_sample, read_sample

INSTANCE = "/instances/f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"


@pytest.fixture
def filled(client: Client) -> Client:
    """Return a client of an archive that holds one CT instance."""
    client.post("/instances", content=read_sample())
    return client


def test_file(filled: Client) -> None:
    response = filled.get(f"{INSTANCE}/file")
    assert response.content == read_sample()
    assert response.headers["content-type"] == "application/dicom"
    name = INSTANCE.rpartition("/")[2]
    assert response.headers["content-disposition"] == f'filename="{name}.dcm"'
    assert response.headers["content-length"] == "39206"


def test_file_name_is_made_harmless(filled: Client) -> None:
    response = filled.get(f"{INSTANCE}/file?filename=a%20b%22%0A;/../%C3%A9.dcm")
    assert response.headers["content-disposition"] == (
        "filename=\"a b____.._\u005f.dcm\"; filename*=UTF-8''a%20b%22_%3B_.._%C3%A9.dcm"
    )


def test_tags(filled: Client) -> None:
    tags = filled.get(f"{INSTANCE}/tags").json()
    assert tags["0010,0020"] == {"Name": "PatientID", "Type": "String", "Value": "1CT1"}
    assert tags["7fe0,0010"]["Type"] == "Null"
    assert filled.get(f"{INSTANCE}/tags?short").json()["0010,0020"] == "1CT1"
    human = filled.get(f"{INSTANCE}/simplified-tags").json()
    assert human["PatientID"] == "1CT1"
    assert filled.get(f"{INSTANCE}/tags?simplify").json() == human


def test_long_values(client: Client) -> None:
    data = changed_sample(ImageComments="x" * 300)
    path = client.post("/instances", content=data).json()["Path"]
    assert client.get(f"{path}/tags").json()["0020,4000"]["Type"] == "TooLong"
    lifted = client.get(f"{path}/simplified-tags?ignore-length=0020-4000,PatientID").json()
    assert lifted["ImageComments"] == "x" * 300
    assert client.get(f"{path}/tags?ignore-length=Nonsense").status_code == 400


def test_header(filled: Client) -> None:
    header = filled.get(f"{INSTANCE}/header").json()
    assert header["0002,0010"]["Value"] == "1.2.840.10008.1.2.1"
    assert all(tag.startswith("0002,") for tag in header)
