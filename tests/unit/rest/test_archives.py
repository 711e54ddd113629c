"""Archives over REST: names, answers, ranges, refusals."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest

from nephele.aws import clients
from nephele.aws.queues import Queue
from nephele.rest.limits import LAMBDA
from nephele.services.archive import Archive
from nephele.services.archives import contents
from tests.unit.rest.conftest import Client, Connect, changed_sample

_TREE: dict[str, Any] = {
    "PatientID": "P:1",
    "PatientName": "M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller^J",
    "SpecificCharacterSet": "ISO_IR 100",
    "StudyInstanceUID": "1.2.3",
    "AccessionNumber": "A",
    "StudyDescription": "a/b",
    "SeriesInstanceUID": "1.2.3.1",
    "Modality": "CT",
    "SeriesDescription": "s",
}
_FOLDER = "P 1 Mller^J/A a b/CT s"
_JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"


@pytest.fixture(autouse=True)
def queues(archive: Archive) -> None:
    for name in ("jobs", "edge_jobs", "transcode"):
        archive.queues[name] = Queue(clients.sqs().create_queue(QueueName=name)["QueueUrl"])


@pytest.fixture
def ids(client: Client) -> dict[str, str]:
    """Store three instances of a series; return the ids of its resources."""
    for number in (3, 1, 2):
        file = changed_sample(**_TREE, SOPInstanceUID=f"1.2.3.1.{number}", InstanceNumber=number)
        answer = client.post("/instances", content=file).json()
    return {
        "patients": answer["ParentPatient"],
        "studies": answer["ParentStudy"],
        "series": answer["ParentSeries"],
        "instances": answer["ID"],
    }


def members(answer: httpx.Response) -> dict[str, bytes]:
    """Return the members of the ZIP an answer is, in order."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.mark.parametrize(
    ("method", "level", "folder"),
    [
        ("GET", "patients", _FOLDER),
        ("GET", "studies", _FOLDER),
        ("GET", "series", _FOLDER),
        ("POST", "patients", _FOLDER),
        ("POST", "studies", _FOLDER),
        ("POST", "series", "CT s"),
    ],
)
def test_archive_of_a_resource(
    client: Client, ids: dict[str, str], method: str, level: str, folder: str
) -> None:
    content = b"{}" if method == "POST" else b""
    answer = client.request(method, f"/{level}/{ids[level]}/archive", content=content)
    found = members(answer)
    assert list(found) == [f"{folder}/CT00000{number}.dcm" for number in (1, 2, 3)]
    for number, data in enumerate(found.values(), 1):
        file = changed_sample(**_TREE, SOPInstanceUID=f"1.2.3.1.{number}", InstanceNumber=number)
        assert data == file
    assert answer.headers["content-disposition"] == f'filename="{ids[level]}.zip"'


def test_media_have_a_directory(client: Client, ids: dict[str, str]) -> None:
    found = members(client.get(f"/studies/{ids['studies']}/media?extended"))
    assert list(found) == ["IMAGES/IM0", "IMAGES/IM1", "IMAGES/IM2", "DICOMDIR"]
    directory = pydicom.dcmread(io.BytesIO(found["DICOMDIR"]))
    kinds = [record.DirectoryRecordType for record in directory.DirectoryRecordSequence]
    assert kinds == ["PATIENT", "STUDY", "SERIES", "IMAGE", "IMAGE", "IMAGE"]
    patient, _, series, image = directory.DirectoryRecordSequence[:4]
    assert str(patient.PatientName) == _TREE["PatientName"]
    assert series.SeriesDescription == "s"
    assert list(image.ReferencedFileID) == ["IMAGES", "IM0"]
    assert image.ReferencedSOPInstanceUIDInFile == "1.2.3.1.1"


def test_names_in_utf8(client: Client, ids: dict[str, str]) -> None:
    answer = client.post(f"/studies/{ids['studies']}/archive", content=b'{"Utf8": true}')
    assert next(iter(members(answer))).startswith("P 1 M\N{LATIN SMALL LETTER U WITH DIAERESIS}l")


def test_transcoded(client: Client, ids: dict[str, str]) -> None:
    found = members(client.get(f"/series/{ids['series']}/media?transcode={_JPEG_LOSSLESS}"))
    image = pydicom.dcmread(io.BytesIO(found["IMAGES/IM0"]))
    assert image.file_meta.TransferSyntaxUID == _JPEG_LOSSLESS
    directory = pydicom.dcmread(io.BytesIO(found["DICOMDIR"]))
    record = directory.DirectoryRecordSequence[3]
    assert record.ReferencedTransferSyntaxUIDInFile == _JPEG_LOSSLESS


def test_lossy_instances_are_new_ones(client: Client, ids: dict[str, str]) -> None:
    body = {"Transcode": "1.2.840.10008.1.2.4.81", "LossyQuality": 50}
    answer = client.post(f"/series/{ids['series']}/media", content=json.dumps(body).encode())
    found = members(answer)
    image = pydicom.dcmread(io.BytesIO(found["IMAGES/IM0"]))
    assert image.SOPInstanceUID != "1.2.3.1.1"
    record = pydicom.dcmread(io.BytesIO(found["DICOMDIR"])).DirectoryRecordSequence[3]
    assert record.ReferencedSOPInstanceUIDInFile == image.SOPInstanceUID


def test_what_cannot_be_transcoded_is_as_it_is(client: Client, ids: dict[str, str]) -> None:
    found = members(client.get(f"/series/{ids['series']}/archive?transcode=1.2.840.10008.1.2.4.50"))
    file = pydicom.dcmread(io.BytesIO(next(iter(found.values()))))
    assert file.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"


def test_batch_of_overlapping_resources(client: Client, ids: dict[str, str]) -> None:
    body = json.dumps([ids["instances"], ids["series"], ids["patients"]]).encode()
    assert len(members(client.post("/tools/create-archive", content=body))) == 3
    one = json.dumps({"Resources": [ids["instances"]], "Filename": 'a"\r\nb.zip'}).encode()
    answer = client.post("/tools/create-archive", content=one)
    assert list(members(answer)) == [f"{_FOLDER}/CT000002.dcm"]
    assert answer.headers["content-disposition"] == 'filename="ab.zip"'


def test_empty_batch_is_an_empty_archive(client: Client) -> None:
    answer = client.post("/tools/create-archive", content=b"[]")
    assert members(answer) == {}
    assert answer.headers["content-disposition"] == 'filename="Archive.zip"'
    assert list(members(client.post("/tools/create-media", content=b"[]"))) == ["DICOMDIR"]


_REFUSED = {
    "an unknown study": ("GET", "/studies/{unknown}/archive", b"", 404, 7),
    "a series as a study": ("GET", "/studies/{series}/archive", b"", 404, 7),
    "no id at all": ("GET", "/studies/nonsense/media", b"", 404, 7),
    "an instance": ("GET", "/instances/{instances}/archive", b"", 404, 17),
    "an unknown resource in a batch": ("POST", "/tools/create-archive", b'["x"]', 404, 17),
    "an unknown syntax": ("GET", "/studies/{studies}/archive?transcode=1.2.3", b"", 400, 3),
    "an unknown syntax in a body": (
        "POST",
        "/studies/{studies}/archive",
        b'{"Transcode": "1.2.3"}',
        400,
        3,
    ),
    "a syntax that is no text": ("POST", "/studies/{studies}/media", b'{"Transcode": 5}', 400, 15),
    "a quality out of range": ("POST", "/studies/{studies}/media", b'{"LossyQuality":0}', 400, 3),
    "no body": ("POST", "/studies/{studies}/archive", b"", 400, 15),
    "nonsense": ("POST", "/studies/{studies}/archive", b"nonsense", 400, 15),
    "a batch without resources": ("POST", "/tools/create-archive", b"{}", 400, 15),
    "resources that are no list": ("POST", "/tools/create-media", b'{"Resources":"x"}', 400, 15),
    "resources that are no text": ("POST", "/tools/create-archive", b"[1]", 400, 15),
    "a GET without resources": ("GET", "/tools/create-archive", b"", 400, 8),
    "a flag that is none": ("POST", "/studies/{studies}/archive", b'{"Asynchronous":1}', 400, 15),
    "a job that is gone": ("GET", "/studies/{studies}/archive?job=x", b"", 404, 7),
}


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"), _REFUSED.values(), ids=_REFUSED.keys()
)
def test_refused(
    client: Client,
    ids: dict[str, str],
    method: str,
    path: str,
    content: bytes,
    status: int,
    code: int,
) -> None:
    unknown = "-".join(["00000000"] * 5)
    answer = client.request(method, path.format(**ids, unknown=unknown), content=content)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (status, code)


def test_the_same_archive_has_the_same_bytes_and_tag(client: Client, ids: dict[str, str]) -> None:
    path = f"/studies/{ids['studies']}/archive"
    first, second = client.get(path), client.get(path)
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    tag = first.headers["etag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(f"{path}?transcode={_JPEG_LOSSLESS}").headers["etag"] != tag
    client.delete(f"/instances/{ids['instances']}")
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_broken_download_is_resumed(client: Client, ids: dict[str, str]) -> None:
    path = f"/studies/{ids['studies']}/archive"
    whole = client.get(path)
    rest = client.get(path, headers={"Range": "bytes=1000-"})
    assert (rest.status_code, rest.content) == (206, whole.content[1000:])
    size = len(whole.content)
    assert rest.headers["content-range"] == f"bytes 1000-{size - 1}/{size}"
    changed = {"Range": "bytes=1000-", "If-Range": '"another"'}
    assert client.get(path, headers=changed).content == whole.content
    beyond = client.get(path, headers={"Range": f"bytes={size}-"})
    assert beyond.status_code == 416


def test_a_large_answer_is_an_object(connect: Connect, archive: Archive) -> None:
    client = connect(LAMBDA)
    for number in range(8):  # large enough that the archive is above the limit
        file = changed_sample(**_TREE, SOPInstanceUID=f"1.2.3.1.{number}", InstanceNumber=number)
        dataset = pydicom.dcmread(io.BytesIO(file))
        dataset.Rows = dataset.Columns = 1024
        dataset.PixelData = np.random.default_rng(number).bytes(2 << 20)
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        answer = client.post("/instances", content=buffer.getvalue()).json()
    path = f"/studies/{answer['ParentStudy']}/archive"
    redirected = client.get(path)
    assert redirected.status_code == 307
    assert redirected.headers["location"].startswith("/blobs/derived/archives/")
    again = client.get(path, headers={"Range": "bytes=5-"})
    key = redirected.headers["location"].partition("?")[0]
    assert again.headers["location"].partition("?")[0] == key
    stored = archive.bucket.read(key.removeprefix("/blobs/"))
    with zipfile.ZipFile(io.BytesIO(stored)) as opened:
        assert opened.testzip() is None
        assert len(opened.namelist()) == 8


def test_compressed_objects_are_archived_as_files(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(StorageCompression=True)
    files = []
    for number in (1, 2):
        file = changed_sample(**_TREE, SOPInstanceUID=f"1.2.3.1.{number}", InstanceNumber=number)
        answer = client.post("/instances", content=file).json()
        files.append(file)
    path = f"/studies/{answer['ParentStudy']}/archive"
    assert list(members(client.get(path)).values()) == files
    monkeypatch.setattr(contents, "_ON_THE_WAY_BYTES", 1)  # as if they were large
    assert list(members(client.get(path)).values()) == files
    found = members(client.get(f"{path}?transcode={_JPEG_LOSSLESS}"))
    for data in found.values():
        image = pydicom.dcmread(io.BytesIO(data))
        assert image.file_meta.TransferSyntaxUID == _JPEG_LOSSLESS
