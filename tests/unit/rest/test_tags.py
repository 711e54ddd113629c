"""Modules, shared tags, tags of all instances, slices, raw tags, documents."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from nephele.aws import clients
from tests.unit.rest.conftest import Client, Connect, changed_sample, read_sample

PATHS = {
    "patients": "fa558bce-587a86d3-ad0da9b3-9d043d9d-4f5c5718",
    "studies": "8a8cf898-ca27c490-d0c7058c-929d0581-2bbf104d",
    "series": "93034833-163e42c3-bc9a428b-194620cf-2c5799e5",
    "instances": "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af",
}
CT = f"/instances/{PATHS['instances']}"


def upload(client: Client, encoded: bytes) -> str:
    answer = client.post("/instances", content=encoded).json()
    assert answer["Status"] == "Success", answer
    return str(answer["ID"])


@pytest.fixture
def filled(client: Client) -> Client:
    """Return a client of an archive that holds one CT instance."""
    upload(client, read_sample())
    return client


def _file_of(dataset: Dataset) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):
        dataset.save_as(file)
    return file.getvalue()


def _sample(**values: Any) -> Dataset:
    dataset = dcmread(io.BytesIO(read_sample()))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


MODULES = {
    "patients": {"PatientBirthDate", "PatientID", "PatientName", "PatientSex"},
    "studies": {
        "AccessionNumber",
        "ReferringPhysicianName",
        "StudyDate",
        "StudyDescription",
        "StudyID",
        "StudyInstanceUID",
        "StudyTime",
    },
    "series": {
        "Laterality",
        "Modality",
        "PatientPosition",
        "SeriesDate",
        "SeriesInstanceUID",
        "SeriesNumber",
        "SeriesTime",
    },
    "instances": {
        "InstanceCreationDate",
        "InstanceCreationTime",
        "InstanceCreatorUID",
        "InstanceNumber",
        "SOPClassUID",
        "SOPInstanceUID",
        "SpecificCharacterSet",
        "TimezoneOffsetFromUTC",
    },
}


@pytest.mark.parametrize("level", MODULES)
def test_module(filled: Client, level: str) -> None:
    """The keywords are what Orthanc 1.10.1 answers for this file."""
    shown = filled.get(f"/{level}/{PATHS[level]}/module?simplify").json()
    assert set(shown) - {"OtherPatientIDsSequence"} == MODULES[level]


def test_module_formats(filled: Client) -> None:
    path = f"/studies/{PATHS['studies']}/module-patient"
    full = filled.get(path).json()
    assert full["0010,0010"] == {
        "Name": "PatientName",
        "Type": "String",
        "Value": "CompressedSamples^CT1",
    }
    assert filled.get(f"{path}?short").json()["0010,0010"] == "CompressedSamples^CT1"
    assert filled.get(f"{path}?simplify").json()["PatientID"] == "1CT1"


def test_modules_at_other_levels(filled: Client) -> None:
    for path in (f"/studies/{PATHS['series']}/module", f"/patients/{PATHS['patients']}/nothing"):
        assert filled.get(path).status_code == 404
    assert filled.get(f"/patients/{PATHS['patients']}/module-patient").status_code == 404


@pytest.fixture
def series(filled: Client) -> str:
    """Return a series of the sample and two more instances of other numbers and comments."""
    for number in ("2", "3"):
        encoded = changed_sample(
            SOPInstanceUID=f"1.2.3.{number}", InstanceNumber=number, ImageComments=number
        )
        upload(filled, encoded)
    return f"/series/{PATHS['series']}"


def test_shared_tags(filled: Client, series: str) -> None:
    shared = filled.get(f"{series}/shared-tags?simplify").json()
    assert shared["PatientID"] == "1CT1"
    assert not shared.keys() & {"SOPInstanceUID", "InstanceNumber", "ImageComments", "PixelData"}
    full = filled.get(f"{series}/shared-tags").json()
    short = filled.get(f"{series}/shared-tags?short").json()
    assert {tag: shown["Value"] for tag, shown in full.items()} == short
    assert {shown["Type"] for shown in full.values()} == {"String"}
    patient = filled.get(f"/patients/{PATHS['patients']}/shared-tags").json()
    assert patient == full


@pytest.mark.parametrize("form", ["", "?short", "?simplify", "?ignore-length=ImageComments"])
def test_instances_tags(filled: Client, series: str, form: str) -> None:
    response = filled.get(f"{series}/instances-tags{form}")
    answer = response.json()
    assert list(answer) == sorted(filled.get(f"{series}/instances?expand=false").json())
    assert len(answer) == 3
    for instance, tags in answer.items():
        assert tags == filled.get(f"/instances/{instance}/tags{form}").json()
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    text = response.text
    assert text.startswith('{\n   "')
    assert '" : \n   {\n      "' in text
    assert text.endswith("\n   }\n}")


@pytest.fixture
def requests() -> Iterator[list[tuple[str, str]]]:
    """Return the requests to S3 and DynamoDB from now on: service and operation."""
    seen: list[tuple[str, str]] = []

    def watch(model: Any, **_: Any) -> None:
        seen.append((model.service_model.service_name, model.name))

    buses = [client.meta.events for client in (clients.s3(), clients.dynamodb())]
    for events in buses:
        events.register("before-call", watch)
    yield seen
    for events in buses:
        events.unregister("before-call", watch)


@pytest.mark.parametrize(
    "path",
    [
        *("tags", "tags?short", "tags?simplify", "tags?ignore-length=ImageComments"),
        *("simplified-tags", "header", "header?simplify", "module", "content/PatientName"),
    ],
)
def test_tags_of_an_instance_cost_two_reads_of_the_table(
    filled: Client, requests: list[tuple[str, str]], path: str
) -> None:
    assert filled.get(f"{CT}/{path}").status_code == 200
    assert requests == [("dynamodb", "GetItem")] * 2


def test_what_asks_for_the_bucket_is_seen(filled: Client, requests: list[tuple[str, str]]) -> None:
    filled.get(f"{CT}/tags?whole")
    assert {service for service, _ in requests} == {"dynamodb", "s3"}


@pytest.mark.parametrize("path", ["shared-tags", "instances-tags", "module", "ordered-slices"])
def test_tags_of_many_cost_no_object(
    filled: Client, series: str, requests: list[tuple[str, str]], path: str
) -> None:
    assert filled.get(f"{series}/{path}").status_code == 200
    assert {service for service, _ in requests} == {"dynamodb"}


def _positioned(client: Client, *positions: tuple[float, ...]) -> tuple[str, list[str]]:
    ids = [
        upload(
            client,
            _file_of(
                _sample(
                    SeriesInstanceUID="1.2.9",
                    SOPInstanceUID=f"1.2.9.{number}",
                    InstanceNumber=str(9 - number),
                    ImagePositionPatient=list(position) if position else None,
                    NumberOfFrames=str(1 + number % 2),
                )
            ),
        )
        for number, position in enumerate(positions, 1)
    ]
    return client.get(f"/instances/{ids[0]}/series").json()["ID"], ids


def test_volume(client: Client) -> None:
    series, ids = _positioned(client, (0, 0, 10), (0, 0, -5), (0, 0, 2.5))
    answer = client.get(f"/series/{series}/ordered-slices").json()
    order = [ids[1], ids[2], ids[0]]
    assert answer["Type"] == "Volume"
    assert answer["Dicom"] == [f"/instances/{one}/file" for one in order]
    assert answer["SlicesShort"] == [[ids[1], 0, 1], [ids[2], 0, 2], [ids[0], 0, 2]]
    assert answer["Slices"][:3] == [
        f"/instances/{ids[1]}/frames/0",
        f"/instances/{ids[2]}/frames/0",
        f"/instances/{ids[2]}/frames/1",
    ]


@pytest.mark.parametrize(
    "positions",
    [
        pytest.param(((0, 0, 1), (0, 0, 1)), id="two slices in one plane"),
        pytest.param(((0, 0, 1), ()), id="a slice without a position"),
    ],
)
def test_sequence(client: Client, positions: tuple[tuple[float, ...], ...]) -> None:
    series, ids = _positioned(client, *positions)
    answer = client.get(f"/series/{series}/ordered-slices").json()
    assert answer["Type"] == "Sequence"
    assert [short[0] for short in answer["SlicesShort"]] == list(reversed(ids))


def test_series_without_any_order(client: Client) -> None:
    series, _ = _positioned(client, ())
    assert client.get(f"/series/{series}/ordered-slices").json()["Type"] == "Sequence"
    encoded = _file_of(
        _sample(
            SeriesInstanceUID="1.2.9",
            SOPInstanceUID="1.2.9.7",
            InstanceNumber=None,
            ImagePositionPatient=None,
        )
    )
    upload(client, encoded)
    answer = client.get(f"/series/{series}/ordered-slices")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 2040)


def test_content(filled: Client) -> None:
    names = filled.get(f"{CT}/content").json()
    dataset = dcmread(io.BytesIO(read_sample()))
    expected = [f"{element.tag.group:04x}-{element.tag.element:04x}" for element in dataset]
    assert names == expected
    assert filled.get(f"{CT}/content/").json() == expected
    for name in ("PatientName", "0010-0010", "0010,0010", "00100010"):
        response = filled.get(f"{CT}/content/{name}")
        assert response.content == b"CompressedSamples^CT1 "
        assert response.headers["content-type"] == "application/octet-stream"
    assert filled.get(f"{CT}/content/7fe0-0010").json() == ["0"]
    assert filled.get(f"{CT}/content/7fe0-0010/0").content == dataset.PixelData
    assert filled.get(f"{CT}/content/fffc-fffc").content == dataset[0xFFFCFFFC].value
    assert filled.get(f"{CT}/content/0010-1002").json() == ["0", "1"]
    assert filled.get(f"{CT}/content/0010-1002/0").json() == ["0010-0020", "0010-0022"]
    assert filled.get(f"{CT}/content/0010-1002/1/PatientID").content == b"1234ABCD"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("0011-1111", id="absent tag"),
        pytest.param("0002-0010", id="meta information"),
        pytest.param("PatientName/0", id="item of no sequence"),
        pytest.param("0010-1002/2", id="item there is not"),
        pytest.param("0010-1002/x", id="index that is no number"),
        pytest.param("0010-1002/0/PatientName", id="absent tag of an item"),
        pytest.param("7fe0-0010/1", id="block there is not"),
        pytest.param("7fe0-0010/x", id="block that is no number"),
        pytest.param("7fe0-0010/0/0", id="beneath a block"),
        pytest.param("fffd-fffc", id="absent tag behind the pixel data"),
        pytest.param("0010-1002/99999999999999999999", id="huge index"),
    ],
)
def test_content_that_is_not_there(filled: Client, path: str) -> None:
    response = filled.get(f"{CT}/content/{path}")
    assert (response.status_code, response.content) == (404, b"")


def test_content_of_no_tag(filled: Client) -> None:
    response = filled.get(f"{CT}/content/NoSuchTag")
    assert (response.status_code, response.json()["OrthancStatus"]) == (400, 8)
    assert filled.get("/instances/nothing/content/PatientName").status_code == 404


def test_content_of_encapsulated_pixels(client: Client) -> None:
    encoded = read_sample("JPEG2000.dcm")
    path = f"/instances/{upload(client, encoded)}/content"
    names = client.get(f"{path}/7fe0-0010").json()
    assert names == ["0", "1"]
    table, fragment = (client.get(f"{path}/7fe0-0010/{name}").content for name in names)
    assert table == b""
    pixels = dcmread(io.BytesIO(encoded)).PixelData
    (size,) = struct.unpack_from("<I", pixels, 12)
    assert fragment == pixels[16 : 16 + size]
    assert client.get(path).json()[-1] == "7fe0-0010"


def test_content_of_big_endian_numbers(client: Client) -> None:
    """Orthanc 1.10.1 answers `40 00` and `89 03 fb 03 …` for this file."""
    path = f"/instances/{upload(client, read_sample('MR_small_bigendian.dcm'))}/content"
    assert client.get(f"{path}/Rows").content == b"\x40\x00"
    assert client.get(f"{path}/7fe0-0010/0").content[:4] == b"\x89\x03\xfb\x03"


def test_content_of_deflated_pixels(client: Client) -> None:
    encoded = read_sample("image_dfl.dcm")
    path = f"/instances/{upload(client, encoded)}/content"
    assert client.get(f"{path}/7fe0-0010").json() == ["0"]
    pixels = dcmread(io.BytesIO(encoded)).PixelData
    assert client.get(f"{path}/7fe0-0010/0").content == pixels


def test_whole(filled: Client) -> None:
    assert "fffc,fffc" not in filled.get(f"{CT}/tags").json()
    whole = filled.get(f"{CT}/tags?whole").json()
    assert whole["fffc,fffc"] == {"Name": "DataSetTrailingPadding", "Type": "Null", "Value": None}
    assert list(whole)[:-1] == list(filled.get(f"{CT}/tags").json())
    assert filled.get(f"{CT}/tags?whole=maybe").json()["OrthancStatus"] == 3


def test_whole_of_encapsulated_pixels(client: Client) -> None:
    dataset = dcmread(io.BytesIO(read_sample("JPEG2000.dcm")))
    dataset.add_new(0xFFFCFFFC, "OB", b"\0\0")
    path = f"/instances/{upload(client, _file_of(dataset))}"
    assert "fffc,fffc" in client.get(f"{path}/tags?whole=1").json()
    assert client.get(f"{path}/content").json()[-2:] == ["7fe0-0010", "fffc-fffc"]


def test_whole_of_a_deflated_file(client: Client) -> None:
    dataset = dcmread(io.BytesIO(read_sample("image_dfl.dcm")))
    dataset.add_new(0xFFFCFFFC, "OB", b"\0\0")
    path = f"/instances/{upload(client, _file_of(dataset))}"
    assert "fffc,fffc" not in client.get(f"{path}/tags").json()
    assert list(client.get(f"{path}/tags?whole").json())[-2:] == ["7fe0,0010", "fffc,fffc"]
    assert client.get(f"{path}/content").json()[-2:] == ["7fe0-0010", "fffc-fffc"]
    assert client.get(f"{path}/content/fffc-fffc").content == b"\0\0"


def test_whole_without_pixel_data(client: Client) -> None:
    dataset = dcmread(io.BytesIO(read_sample("rtplan.dcm")))
    dataset.add_new(0xFFFCFFFC, "OB", b"\0\0")
    path = f"/instances/{upload(client, _file_of(dataset))}"
    assert "fffc,fffc" not in client.get(f"{path}/tags").json()
    assert "fffc,fffc" in client.get(f"{path}/tags?whole=true").json()
    assert client.get(f"{path}/content").json()[-1] == "fffc-fffc"


@pytest.mark.parametrize(
    ("keyword", "vr", "bits"), [("FloatPixelData", "OF", 32), ("DoubleFloatPixelData", "OD", 64)]
)
def test_floating_point_pixel_data(client: Client, keyword: str, vr: str, bits: int) -> None:
    dataset = _sample(BitsAllocated=bits)
    del dataset.PixelData
    del dataset[0xFFFCFFFC]
    dataset.add_new(keyword, vr, b"\0" * 128 * 128 * (bits // 8))
    identifier = upload(client, _file_of(dataset))
    tags = client.get(f"/instances/{identifier}/tags?simplify").json()
    assert tags[keyword] is None
    patient = client.get(f"/patients/{PATHS['patients']}/instances-tags?simplify").json()
    assert patient[identifier] == tags
    path = f"/instances/{identifier}/content"
    number = f"7fe0-00{dataset[keyword].tag.element:02x}"
    assert client.get(path).json()[-1] == number
    assert client.get(f"{path}/{number}").content == dataset[keyword].value
    assert client.get(f"{path}/7fe0-0010").status_code == 404
    assert client.get(f"/instances/{identifier}/tags?whole&simplify").json().keys() == tags.keys()


def _pdf(document: bytes, length: int | None = None, mime: str = "application/pdf") -> bytes:
    dataset = _sample(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1",
        MIMETypeOfEncapsulatedDocument=mime,
        EncapsulatedDocument=document,
        SOPInstanceUID="1.2.77",
    )
    del dataset.PixelData
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    if length is not None:
        dataset.EncapsulatedDocumentLength = length
    return _file_of(dataset)


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        pytest.param(_pdf(b"%PDF-1.4\n"), b"%PDF-1.4\n", id="padded"),
        pytest.param(_pdf(b"%PDF%%EOF\n"), b"%PDF%%EOF\n", id="even, with a line feed"),
        pytest.param(_pdf(b"%PDF-%%EOF"), b"%PDF-%%EOF", id="even, without a line feed"),
        pytest.param(_pdf(b"%PDF\n\0", 6), b"%PDF\n\0", id="a NUL that belongs to it"),
        pytest.param(_pdf(b"%PDF-1.4\n", 9), b"%PDF-1.4\n", id="with its length"),
        pytest.param(_pdf(b"%PDF-1.4\n", 4), b"%PDF-1.4\n", id="with a length that is not its"),
    ],
)
def test_pdf(client: Client, encoded: bytes, expected: bytes) -> None:
    response = client.get(f"/instances/{upload(client, encoded)}/pdf")
    assert response.headers["content-type"] == "application/pdf"
    assert response.content == expected


def test_no_pdf(filled: Client) -> None:
    response = filled.get(f"{CT}/pdf")
    assert (response.status_code, response.content) == (404, b"")
    other = _pdf(b"text", mime="text/xml")
    assert filled.get(f"/instances/{upload(filled, other)}/pdf").status_code == 404
    assert filled.get("/instances/nothing/pdf").json()["OrthancStatus"] == 17


def test_export_is_refused(filled: Client) -> None:
    response = filled.post(f"{CT}/export", content=b"/tmp/x")
    assert (response.status_code, response.content) == (403, b"")


def test_unknown_resources(connect: Connect) -> None:
    client = connect()
    for level in PATHS:
        for route in ("module", "shared-tags", "instances-tags"):
            response = client.get(f"/{level}/{PATHS[level]}/{route}")
            assert (response.status_code, response.json()["OrthancStatus"]) == (404, 17)
