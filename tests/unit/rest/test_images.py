"""Files, tags and pictures of instances."""

from __future__ import annotations

import struct

import pytest

from tests.unit.rest.conftest import MR, Client, changed_sample, read_sample

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
    assert response.headers["content-disposition"] == 'filename="a b____.._\u005f.dcm"'


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


@pytest.mark.parametrize("path", ["preview", "frames/0/preview"])
def test_preview(filled: Client, path: str) -> None:
    response = filled.get(f"{INSTANCE}/{path}")
    assert response.headers["content-type"] == "image/png"
    assert response.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", response.content[16:24]) == (128, 128)


ACCEPT = {
    "a browser": ("image/webp,image/apng,*/*;q=0.8", 200),
    "PNG": ("image/png", 200),
    "any image": ("image/*", 200),
    "nothing said": ("", 200),
    "PNG refused": ("image/png;q=0, */*", 404),
    "text only": ("text/html", 404),
}


@pytest.mark.parametrize(("accept", "status"), ACCEPT.values(), ids=ACCEPT.keys())
def test_acceptable(filled: Client, accept: str, status: int) -> None:
    assert filled.get(f"{INSTANCE}/preview", headers={"Accept": accept}).status_code == status


@pytest.mark.parametrize("frame", ["1", "x", "-1", "²"])
def test_frames_that_are_not_there(filled: Client, frame: str) -> None:
    response = filled.get(f"{INSTANCE}/frames/{frame}/preview")
    assert (response.status_code, response.content) == (404, b"")


def test_frames(filled: Client) -> None:
    assert filled.get(f"{INSTANCE}/frames").json() == [0]


def test_no_pixels(client: Client) -> None:
    data = changed_sample(MR, PixelData=None, SOPInstanceUID="1.2.3")
    path = client.post("/instances", content=data).json()["Path"]
    response = client.get(f"{path}/preview")
    assert (response.status_code, response.content) == (415, b"")
