"""Ways in: raw, gzip, ZIP, forms, presigned uploads; and what is refused."""

from __future__ import annotations

import gzip
import io
import os
import zipfile

import pytest

from nephele.aws import clients
from nephele.services import archive_members
from nephele.services.archive import Archive
from tests.unit.rest.conftest import BUCKET, CT, MR, Client, changed_sample, read_sample

GZIP = {"Content-Encoding": "gzip"}


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def objects() -> list[str]:
    pages = clients.s3().list_objects_v2(Bucket=BUCKET)
    return [item["Key"] for item in pages.get("Contents", [])]


def without(keyword: str) -> bytes:
    return changed_sample(**{keyword: None})


ZIP = zipped(
    {
        "folder/": b"",
        "folder/ct": read_sample(CT),
        "folder/readme.txt": b"hello",
        "DICOMDIR": b"\0" * 128 + b"DICM",
        "empty": b"",
        "mr.dcm": read_sample(MR),
    }
)


def test_gzip(client: Client) -> None:
    body = gzip.compress(read_sample())
    answer = client.post("/instances", content=body, headers=GZIP)
    assert answer.json()["Status"] == "Success"
    file = client.get(f"{answer.json()['Path']}/file")
    assert file.content == read_sample()


def test_zip(client: Client) -> None:
    answers = client.post("/instances", content=ZIP).json()
    assert [answer["Status"] for answer in answers] == ["Success", "Success"]
    modalities = [
        client.get(f"/series/{answer['ParentSeries']}").json()["MainDicomTags"]["Modality"]
        for answer in answers
    ]
    assert modalities == ["CT", "MR"]


def test_zip_without_dicom(client: Client) -> None:
    response = client.post("/instances", content=zipped({"a.txt": b"hello"}))
    assert (response.status_code, response.text) == (200, "[]")


def test_form(client: Client) -> None:
    files = [("one", ("ct.dcm", read_sample(CT))), ("two", ("b.zip", ZIP))]
    response = client.post("/instances", files=files)
    assert (response.status_code, response.content) == (200, b"")
    assert len(client.get("/instances").json()) == 2


def test_form_with_a_part_that_is_refused(client: Client) -> None:
    files = [("a", ("ct.dcm", read_sample())), ("b", ("x", b"hello")), ("c", ("y", b"hi"))]
    response = client.post("/instances", files=files)
    assert response.json()["OrthancStatus"] == 15
    assert len(client.get("/instances").json()) == 1


def test_form_that_is_broken(client: Client) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response = client.post("/instances", content=b"nothing of that kind", headers=headers)
    assert response.status_code == 400
    assert client.get("/instances").json() == []


REFUSED = {
    "empty body": (b"", {}, 400, 15),
    "not DICOM": (b"hello", {}, 400, 15),
    "random bytes": (os.urandom(100_000), {}, 400, 15),
    "truncated": (read_sample()[:-100], {}, 400, 15),
    "truncated in the header": (read_sample()[:700], {}, 400, 15),
    "not gzip": (b"hello", GZIP, 400, 15),
    "empty gzip": (gzip.compress(b""), GZIP, 400, 15),
    "a ZIP inside gzip": (gzip.compress(ZIP), GZIP, 400, 15),
    "a damaged ZIP": (ZIP[:60], {}, 400, 15),
    "an empty ZIP": (zipped({}), {}, 400, 15),
}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"), REFUSED.values(), ids=REFUSED.keys()
)
def test_refused(
    client: Client, body: bytes, headers: dict[str, str], status: int, code: int
) -> None:
    response = client.post("/instances", content=body, headers=headers)
    assert response.status_code == status
    assert response.json()["OrthancStatus"] == code
    assert objects() == []
    assert client.get("/statistics").json()["CountInstances"] == 0


def test_empty_body_is_described(client: Client) -> None:
    details = client.post("/instances").json()["Details"]
    assert details == "Received an empty DICOM file"


@pytest.mark.parametrize("body", ["gzip", "zip"])
def test_bombs(client: Client, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    monkeypatch.setattr(archive_members, "UNSUSPECTED_BYTES", 1 << 20)
    zeros = bytes(32 << 20)
    content = gzip.compress(zeros) if body == "gzip" else zipped({"a": zeros})
    headers = GZIP if body == "gzip" else {}
    response = client.post("/instances", content=content, headers=headers)
    assert response.status_code == 413
    assert "expands too much" in response.json()["Details"]
    assert objects() == []


def begin(client: Client, size: int) -> dict[str, object]:
    answer: dict[str, object] = client.post("/uploads", json={"Size": size}).json()
    return answer


def put_parts(opened: dict[str, object], content: bytes, key: str) -> list[str]:
    """Do what a client does with the presigned URLs."""
    upload_id, size = str(opened["UploadId"]), int(str(opened["PartSize"]))
    s3 = clients.s3()
    return [
        s3.upload_part(
            Bucket=BUCKET,
            Key=key,
            UploadId=upload_id,
            PartNumber=start // size + 1,
            Body=content[start : start + size],
        )["ETag"]
        for start in range(0, len(content), size)
    ]


def finish(client: Client, content: bytes) -> tuple[int, object]:
    opened = begin(client, len(content))
    etags = put_parts(opened, content, f"uploads/{opened['ID']}")
    body = {"UploadId": opened["UploadId"], "ETags": etags}
    response = client.post(f"{opened['Path']}/complete", json=body)
    return response.status_code, response.json()


def test_presigned_upload(client: Client, archive: Archive) -> None:
    status, answer = finish(client, read_sample())
    assert status == 200
    assert isinstance(answer, dict)
    assert answer["Status"] == "Success"
    assert client.get(f"{answer['Path']}/file").content == read_sample()
    assert not [key for key in objects() if key.startswith("uploads/")]
    assert archive.index.totals().instances == 1


def test_presigned_upload_that_is_refused(client: Client) -> None:
    status, _ = finish(client, b"hello")
    assert status == 400
    assert objects() == []


def test_presigned_upload_has_a_part_for_each_8_mib(client: Client) -> None:
    opened = begin(client, (16 << 20) + 1)
    parts = opened["Parts"]
    assert isinstance(parts, list)
    assert len(parts) == 3
    assert all("partNumber=" in url and "Signature" in url for url in parts)


def test_abort(client: Client) -> None:
    opened = begin(client, 5)
    body = {"UploadId": opened["UploadId"]}
    assert client.post(f"{opened['Path']}/abort", json=body).json() == {}
    again = client.post(f"{opened['Path']}/abort", json=body)
    assert again.json()["OrthancStatus"] == 17


BAD_JSON = {
    "not JSON": ("/uploads", b"x", 400, 8),
    "not an object": ("/uploads", b"[1]", 400, 8),
    "no size": ("/uploads", b"{}", 400, 8),
    "a size of the wrong type": ("/uploads", b'{"Size": "1"}', 400, 8),
    "a Boolean": ("/uploads", b'{"Size": true}', 400, 8),
    "nothing": ("/uploads", b'{"Size": 0}', 400, 3),
    "too much": ("/uploads", b'{"Size": 1e13}', 400, 8),
    "more than an object holds": ("/uploads", b'{"Size": 10000000000000}', 400, 3),
    "no such upload": ("/uploads/x/complete", b'{"UploadId": "", "ETags": []}', 404, 17),
    "tags of the wrong type": ("/uploads/x/complete", b'{"UploadId": "", "ETags": [1]}', 400, 8),
}


@pytest.mark.parametrize(("path", "body", "status", "code"), BAD_JSON.values(), ids=BAD_JSON.keys())
def test_bad_json(client: Client, path: str, body: bytes, status: int, code: int) -> None:
    response = client.post(path, content=body)
    assert response.status_code == status
    assert response.json()["OrthancStatus"] == code


def test_json_under_any_content_type(client: Client) -> None:
    headers = {"Content-Type": "image/png"}
    assert client.post("/uploads", content=b'{"Size": 5}', headers=headers).status_code == 200
