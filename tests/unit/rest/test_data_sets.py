"""`/instances/{id}/file` as JSON and XML: which one is asked for, and where bulk data are."""

from __future__ import annotations

import base64
import io
import struct
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pydicom import dcmread

from nephele.aws import clients
from nephele.rest.limits import Limits
from tests.unit.domain.encoded import dicom_file, element, item
from tests.unit.rest.conftest import BUCKET, Client, Connect, read_sample

JSON, XML = "application/dicom+json", "application/dicom+xml"
_NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
UNKNOWN = "-".join(["00000000"] * 5)


def stored(client: Client, encoded: bytes) -> str:
    answer = client.post("/instances", content=encoded).json()
    assert answer["Status"] == "Success", answer
    return f"/instances/{answer['ID']}"


def model_of(client: Client, path: str) -> dict[str, Any]:
    answer = client.get(f"{path}/file", headers={"Accept": JSON})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == JSON
    model: dict[str, Any] = answer.json()
    return model


ACCEPTED = {
    "nothing": ("", "application/dicom"),
    "anything": ("*/*", "application/dicom"),
    "any of DICOM": ("application/*", "application/dicom"),
    "another type": ("text/html", "application/dicom"),
    "JSON that is not DICOM's": ("application/json", "application/dicom"),
    "JSON": (JSON, JSON),
    "JSON in capitals": (JSON.upper(), JSON),
    "JSON with a parameter": (f"{JSON}; transfer-syntax=*", JSON),
    "JSON rather than the file": (f"application/dicom;q=0.1, {JSON}", JSON),
    "the file rather than JSON": (f"application/dicom, {JSON};q=0.1", "application/dicom"),
    "XML": (XML, XML),
    "XML, else JSON": (f"{XML}, {JSON};q=0.5", XML),
    "never JSON": (f"{JSON};q=0, */*", "application/dicom"),
}


def test_accept_tells_what_is_answered(client: Client) -> None:
    path = stored(client, read_sample())
    answered = {
        reason: client.get(f"{path}/file", headers={"Accept": accept}).headers["content-type"]
        for reason, (accept, _) in ACCEPTED.items()
    }
    assert answered == {reason: media_type for reason, (_, media_type) in ACCEPTED.items()}


def test_arguments_of_files_count_for_files_alone(client: Client) -> None:
    path = stored(client, read_sample())
    answer = client.get(f"{path}/file?transcode=none&filename=x", headers={"Accept": JSON})
    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize("accept", [JSON, XML])
def test_an_unknown_instance_is_not_found(client: Client, accept: str) -> None:
    answer = client.get(f"/instances/{UNKNOWN}/file", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 17)


def test_json_is_laid_out_as_orthanc_does(client: Client) -> None:
    path = stored(client, read_sample())
    text = client.get(f"{path}/file", headers={"Accept": JSON}).text
    lines = [
        "{",
        '"00080005" : ',
        "{",
        '"Value" : ',
        "[",
        '"ISO_IR 100"',
        "],",
        '"vr" : "CS"',
        "},",
    ]
    depths = [0, 1, 1, 2, 2, 3, 2, 2, 1]
    expected = [depth * "\t" + line for depth, line in zip(depths, lines, strict=True)]
    assert text.split("\n")[: len(lines)] == expected
    assert text.endswith("}\n")


def test_native_pixel_data_are_where_the_uri_says(client: Client) -> None:
    path = stored(client, read_sample())
    attribute = model_of(client, path)["7FE00010"]
    assert attribute == {"vr": "OW", "BulkDataURI": f"{path}/content/7fe0-0010/0"}
    expected = dcmread(io.BytesIO(read_sample())).PixelData
    assert client.get(attribute["BulkDataURI"]).content == expected


DEFLATED = "image_dfl.dcm"


def test_deflated_pixel_data_are_where_the_uri_says(client: Client) -> None:
    path = stored(client, read_sample(DEFLATED))
    attribute = model_of(client, path)["7FE00010"]
    expected = dcmread(io.BytesIO(read_sample(DEFLATED)))
    assert attribute["vr"] == expected["PixelData"].VR
    assert client.get(attribute["BulkDataURI"]).content == expected.PixelData


@pytest.mark.parametrize(("number", "vr", "bits"), [(0x7FE00008, "OF", 32), (0x7FE00009, "OD", 64)])
def test_floating_point_pixel_data_are_where_the_uri_says(
    client: Client, number: int, vr: str, bits: int
) -> None:
    pixels = bytes(range(16))
    changes = {
        0x00280100: element(0x00280100, "US", struct.pack("<H", bits)),
        number: element(number, vr, pixels),
    }
    path = stored(client, dicom_file(changes))
    attribute = model_of(client, path)[f"{number:08X}"]
    assert attribute["vr"] == vr
    assert client.get(attribute["BulkDataURI"]).content == pixels


def test_encapsulated_pixel_data_are_left_out(client: Client) -> None:
    model = model_of(client, stored(client, read_sample("JPEG2000.dcm")))
    assert "7FE00010" not in model
    assert model["00280010"]["Value"] == [1024]


def test_what_a_lookup_table_may_hold_is_inline_and_more_elsewhere(client: Client) -> None:
    table, longer = bytes(128 << 10), bytes(range(256)) * 513
    inside = item(b"") + item(element(0x00281202, "OW", longer))
    changes = {
        0x00281201: element(0x00281201, "OW", table),
        0x00880200: element(0x00880200, "SQ", inside),
    }
    path = stored(client, dicom_file(changes))
    model = model_of(client, path)
    assert base64.b64decode(model["00281201"]["InlineBinary"]) == table
    uri = model["00880200"]["Value"][1]["00281202"]["BulkDataURI"]
    assert uri == f"{path}/content/0088-0200/1/0028-1202"
    assert client.get(uri).content == longer


def test_xml_has_the_uri_too(client: Client) -> None:
    path = stored(client, read_sample())
    answer = client.get(f"{path}/file", headers={"Accept": XML})
    document = ET.fromstring(answer.content)  # noqa: S314  our own
    bulk = document.find(f"*[@tag='7FE00010']/{_NAMESPACE}BulkData")
    assert bulk is not None
    assert bulk.get("uri") == f"{path}/content/7fe0-0010/0"


def test_nothing_is_read_from_the_bucket(client: Client) -> None:
    path = stored(client, read_sample())
    for item_ in clients.s3().list_objects_v2(Bucket=BUCKET)["Contents"]:
        clients.s3().delete_object(Bucket=BUCKET, Key=item_["Key"])
    assert model_of(client, path)["00100020"]["Value"] == ["1CT1"]
    assert client.get(f"{path}/file", headers={"Accept": XML}).status_code == 200


def test_a_large_answer_is_handed_over(connect: Connect) -> None:
    path = stored(connect(), read_sample())
    answer = connect(Limits(answer_bytes=1000)).get(f"{path}/file", headers={"Accept": JSON})
    assert answer.status_code == 307
    assert answer.headers["location"].startswith("/blobs/")


def test_the_default_encoding_counts(connect: Connect) -> None:
    client = connect(DefaultEncoding="Greek")
    name = element(0x00100010, "PN", b"\xeb^\xf8")
    path = stored(client, dicom_file({0x00080005: b"", 0x00100010: name}))
    assert model_of(client, path)["00100010"]["Value"] == [{"Alphabetic": "λ^ψ"}]
