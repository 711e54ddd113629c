"""Metadata, labels, protection and attachments over REST."""

from __future__ import annotations

from hashlib import md5
from typing import Any

import httpx
import pytest

from nephele.aws.index import keys
from nephele.domain.orthanc_id import OrthancId
from nephele.services.archive import Archive
from tests.unit.rest.conftest import Client, Connect, read_sample

OPTIONS: dict[str, Any] = {
    "UserMetadata": {"my-meta": 1024},
    "UserContentType": {"my-doc": 1024, "my-pdf": [1025, "application/pdf"]},
}
NOWHERE = "-".join(["0" * 8] * 5)
ETAGS = {
    text: f'-{md5(text.encode(), usedforsecurity=False).hexdigest()}"'
    for text in ("a", "b", "hello")
}


@pytest.fixture
def named(connect: Connect) -> Client:
    return connect(**OPTIONS)


@pytest.fixture
def ids(named: Client) -> dict[str, str]:
    answer = named.post("/instances", content=read_sample()).json()
    return {
        "patients": answer["ParentPatient"],
        "studies": answer["ParentStudy"],
        "series": answer["ParentSeries"],
        "instances": answer["ID"],
    }


def put(client: Client, path: str, content: bytes = b"", **headers: str) -> httpx.Response:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request("PUT", path, content=content, headers=shown)


def told(response: httpx.Response) -> tuple[int, int | None]:
    """Return status and Orthanc's code, None for an empty body."""
    return response.status_code, response.json()["OrthancStatus"] if response.content else None


CORE = {
    "instances": [
        *("IndexInSeries", "ReceptionDate", "RemoteAET", "Origin", "TransferSyntax"),
        *("SopClassUid", "RemoteIP", "HttpUsername", "PixelDataOffset"),
        "MainDicomTagsSignature",
    ],
    "series": ["RemoteAET", "LastUpdate", "MainDicomTagsSignature"],
    "studies": ["LastUpdate", "MainDicomTagsSignature"],
    "patients": ["LastUpdate", "MainDicomTagsSignature"],
}


@pytest.mark.parametrize("level", CORE)
def test_core_metadata(named: Client, ids: dict[str, str], level: str) -> None:
    path = f"/{level}/{ids[level]}/metadata"
    assert named.get(path).json() == CORE[level]
    assert set(named.get(f"{path}?expand").json()) == set(CORE[level])
    assert 15 in named.get(f"{path}?numeric").json()
    assert "15" in named.get(f"{path}?expand&numeric").json()
    system = named.get("/system").json()["MainDicomTags"]
    singular = {"patients": "Patient", "studies": "Study", "series": "Series"}
    signature = named.get(f"{path}/MainDicomTagsSignature").text
    assert signature == system[singular.get(level, "Instance")]


def test_user_metadata(named: Client, ids: dict[str, str]) -> None:
    path = f"/studies/{ids['studies']}/metadata"
    first = put(named, f"{path}/my-meta", b"hello")
    assert (first.status_code, first.content) == (200, b"")
    assert first.headers["etag"] == '"0' + ETAGS["hello"]
    second = put(named, f"{path}/1024", b"a")
    assert second.headers["etag"] == '"1' + ETAGS["a"]
    assert named.get(f"{path}/1024").text == "a"
    assert put(named, f"{path}/2000", b"\xff\xfe").status_code == 200
    assert named.get(f"{path}/2000").content == b"\xff\xfe"
    assert named.get(path).json()[-2:] == ["my-meta", "2000"]
    assert named.get(f"{path}?expand").json()["2000"] == "\ufffd\ufffd"
    kinds = [one["ChangeType"] for one in named.get("/changes?since=4").json()["Changes"]]
    assert kinds == ["UpdatedMetadata"] * 3
    assert named.delete(f"{path}/my-meta").content == b""
    assert told(named.get(f"{path}/my-meta")) == (404, None)
    assert told(named.delete(f"{path}/my-meta")) == (404, 17)


def test_long_metadata_are_kept_in_the_bucket(named: Client, ids: dict[str, str]) -> None:
    path, value = f"/series/{ids['series']}/metadata/2000", b"x" * 100_000
    put(named, path, value)
    assert named.get(path).content == value
    assert named.get(f"/series/{ids['series']}/metadata?expand").json()["2000"] == value.decode()


def test_many_short_metadata_do_not_fill_the_row(
    archive: Archive, named: Client, ids: dict[str, str]
) -> None:
    path, values = f"/series/{ids['series']}/metadata", {n: f"{n}" * 200 for n in range(2000, 2060)}
    for number, value in values.items():
        put(named, f"{path}/{number}", value.encode())
    told = named.get(f"{path}?expand").json()
    assert {n: told[str(n)] for n in values} == values
    row = archive.index.table.get(keys.resource(OrthancId(ids["series"])))
    assert row is not None
    assert len(row["us"]["S"]) < 32_000
    put(named, f"{path}/2059", b"another")
    assert named.get(f"{path}/2059").content == b"another"


def test_the_level_of_what_is_written_does_not_count(named: Client, ids: dict[str, str]) -> None:
    assert put(named, f"/studies/{ids['instances']}/metadata/2000", b"a").status_code == 200
    assert named.get(f"/instances/{ids['instances']}/metadata/2000").text == "a"
    assert told(named.get(f"/studies/{ids['instances']}/metadata/2000")) == (404, 17)


@pytest.mark.parametrize(
    ("verb", "path", "expected"),
    [
        ("GET", "{instances}/metadata/nope", (404, 7)),
        ("PUT", "{instances}/metadata/nope", (404, 7)),
        ("GET", "{instances}/metadata/500", (404, None)),
        ("GET", "{instances}/metadata/70000", (404, None)),
        ("PUT", "{instances}/metadata/1", (403, None)),
        ("PUT", "{instances}/metadata/1023", (403, None)),
        ("PUT", "{instances}/metadata/70000", (403, None)),
        ("PUT", "{instances}/metadata/-3", (403, None)),
        ("DELETE", "{instances}/metadata/1", (403, None)),
        ("PUT", f"{NOWHERE}/metadata/2000", (404, 17)),
        ("PUT", "xx/metadata/2000", (404, 17)),
        ("GET", f"{NOWHERE}/metadata", (404, 17)),
        ("GET", "{studies}/metadata", (404, 17)),
        ("GET", "{instances}/attachments/nope", (404, 7)),
        ("PUT", "{instances}/attachments/nope", (404, 7)),
        ("DELETE", "{instances}/attachments/nope", (404, 7)),
        ("GET", "{instances}/attachments/1024", (404, 17)),
        ("GET", "{instances}/attachments/70000/data", (404, 17)),
        ("PUT", "{instances}/attachments/dicom", (403, None)),
        ("PUT", "{instances}/attachments/1000", (403, None)),
        ("PUT", f"{NOWHERE}/attachments/my-doc", (404, 17)),
        ("DELETE", "{instances}/attachments/dicom", (403, None)),
        ("DELETE", "{instances}/attachments/my-doc", (404, 17)),
        ("DELETE", "{instances}/attachments/2", (404, 17)),
        ("POST", "{instances}/attachments/my-doc/compress", (404, 17)),
        ("GET", "{studies}/attachments", (404, 17)),
        ("GET", f"{NOWHERE}/labels", (404, 17)),
        ("PUT", f"{NOWHERE}/labels/a", (404, 17)),
        ("PUT", "{studies}/labels/a", (404, 17)),
        ("PUT", "{instances}/labels/a%20b", (400, 3)),
        ("PUT", "{instances}/labels/" + "a" * 65, (400, 3)),
        ("DELETE", "{instances}/labels/%C3%A9", (400, 3)),
        ("GET", "{instances}/labels/a", (404, None)),
    ],
)
def test_what_cannot_be_done(
    named: Client, ids: dict[str, str], verb: str, path: str, expected: tuple[int, int | None]
) -> None:
    response = named.request(verb, f"/instances/{path.format_map(ids)}", content=b"x")
    assert told(response) == expected


def test_revisions(connect: Connect, ids: dict[str, str]) -> None:
    strict, path = connect(CheckRevisions=True), f"/patients/{ids['patients']}/metadata/2000"
    assert put(strict, path, b"a", If_Match='"7-abc"').status_code == 200
    assert told(put(strict, path, b"b")) == (409, 43)
    assert told(put(strict, path, b"b", If_Match='"1' + ETAGS["a"])) == (409, 43)
    assert told(put(strict, path, b"b", If_Match="zz")) == (400, 3)
    assert told(strict.delete(path)) == (409, 43)
    quoted = put(strict, path, b"b", If_Match="0" + ETAGS["a"].rstrip('"'))
    assert quoted.headers["etag"] == '"1' + ETAGS["b"]
    same = strict.get(path, headers={"If-None-Match": '"1' + ETAGS["b"]})
    assert (same.status_code, same.content) == (304, b"")
    assert strict.delete(path, headers={"If-Match": '"1' + ETAGS["b"]}).status_code == 200


def test_a_wrong_revision_counts_without_the_option(named: Client, ids: dict[str, str]) -> None:
    path = f"/patients/{ids['patients']}/metadata/2000"
    put(named, path, b"a")
    assert told(put(named, path, b"b", If_Match='"5-abc"')) == (409, 43)
    assert put(named, path, b"b").status_code == 200


def test_labels(named: Client, ids: dict[str, str]) -> None:
    for level in ids:
        for label in ("b-2", "A_1", "b-2", level):
            assert put(named, f"/{level}/{ids[level]}/labels/{label}").content == b""
        assert named.get(f"/{level}/{ids[level]}/labels").json() == sorted(["A_1", "b-2", level])
        assert named.get(f"/{level}/{ids[level]}").json()["Labels"] == sorted(["A_1", "b-2", level])
    assert named.get("/tools/labels").json() == sorted(["A_1", "b-2", *ids])
    assert named.get(f"/studies/{ids['studies']}/labels/A_1").status_code == 200
    assert named.delete(f"/studies/{ids['studies']}/labels/studies").status_code == 200
    assert named.delete(f"/studies/{ids['studies']}/labels/studies").status_code == 200
    assert "studies" not in named.get("/tools/labels").json()
    named.delete(f"/instances/{ids['instances']}")
    assert named.get("/tools/labels").json() == []


@pytest.mark.parametrize(
    ("labels", "constraint", "found"),
    [
        (["one"], "All", 1),
        (["one", "two"], "All", 0),
        (["one", "two"], "Any", 1),
        (["two"], "Any", 0),
        (["one"], "None", 0),
        (["two"], "None", 1),
        ([], "None", 0),
        ([], "All", 1),
    ],
)
def test_find_by_labels(
    named: Client, ids: dict[str, str], labels: list[str], constraint: str, found: int
) -> None:
    put(named, f"/studies/{ids['studies']}/labels/one")
    body = {"Level": "Study", "Query": {}, "Labels": labels, "LabelsConstraint": constraint}
    assert len(named.post("/tools/find", json=body).json()) == found
    assert named.post("/tools/count-resources", json=body).json() == {"Count": found}
    body["Query"] = {"PatientID": "1CT1"}
    assert len(named.post("/tools/find", json=body).json()) == found


def test_find_by_metadata(named: Client, ids: dict[str, str]) -> None:
    put(named, f"/series/{ids['series']}/metadata/my-meta", b"hello")
    for name, value, found in (("my-meta", "h*", 1), ("1024", "hello", 1), ("1024", "x", 0)):
        body = {"Level": "Series", "Query": {}, "MetadataQuery": {name: value}}
        assert len(named.post("/tools/find", json=body).json()) == found


def test_protection(named: Client, ids: dict[str, str]) -> None:
    path = f"/patients/{ids['patients']}/protected"
    assert named.get(path).text == "0"
    assert put(named, path, b" 1 ").content == b""
    assert named.get(path).text == "1"
    assert named.get(f"/patients/{ids['patients']}").json()["IsProtected"] is True
    assert put(named, path, b"false").status_code == 200
    assert named.get(path).text == "0"
    assert told(put(named, path, b"maybe")) == (400, 15)
    for wrong in (NOWHERE, "xx", ids["studies"]):
        assert told(named.get(f"/patients/{wrong}/protected")) == (400, 3)
        assert told(put(named, f"/patients/{wrong}/protected", b"1")) == (400, 3)


def test_attachments(named: Client, ids: dict[str, str]) -> None:
    path = f"/instances/{ids['instances']}/attachments"
    assert named.get(path).json() == ["dicom"]
    first = put(named, f"{path}/my-doc", b"hello")
    assert (first.text, first.headers["etag"]) == ("{}", '"0' + ETAGS["hello"])
    assert named.get(f"{path}?full").json() == {"dicom": 1, "my-doc": 1024}
    data = named.get(f"{path}/my-doc/data")
    assert data.content == b"hello"
    assert data.headers["content-type"] == "application/octet-stream"
    info = named.get(f"{path}/1024/info").json()
    assert data.headers["content-disposition"] == f'filename="{info.pop("Uuid")}"'
    digest = md5(b"hello", usedforsecurity=False).hexdigest()
    assert info == {
        "CompressedMD5": digest,
        "CompressedSize": 5,
        "ContentType": 1024,
        "UncompressedMD5": digest,
        "UncompressedSize": 5,
    }
    assert put(named, f"{path}/my-doc", b"a").headers["etag"] == '"1' + ETAGS["a"]
    put(named, f"/patients/{ids['patients']}/attachments/my-pdf", b"%PDF")
    pdf = named.get(f"/patients/{ids['patients']}/attachments/my-pdf/data?filename=a.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"] == 'filename="a.pdf"'
    size = len(read_sample())
    statistics = named.get(f"/patients/{ids['patients']}/statistics").json()
    assert statistics["DiskSize"] == str(size + 5)
    assert statistics["DicomDiskSize"] == str(size)
    assert named.get("/statistics").json()["TotalDiskSize"] == str(size + 5)
    assert named.delete(f"{path}/my-doc").content == b""
    assert named.get("/statistics").json()["TotalDiskSize"] == str(size + 4)
    named.delete(f"/patients/{ids['patients']}")
    assert named.get("/statistics").json()["TotalDiskSize"] == "0"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-3", b"hell"),
        ("bytes=1-1", b"e"),
        ("bytes=3-", b"lo"),
        ("bytes=-2", b"hel"),
        ("bytes=3-9", None),
        ("bytes=4-3", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
    ],
)
@pytest.mark.parametrize("is_compressed", [False, True])
def test_ranges(
    named: Client, ids: dict[str, str], asked: str, expected: bytes | None, is_compressed: bool
) -> None:
    path = f"/series/{ids['series']}/attachments/my-doc"
    put(named, path, b"hello")
    if is_compressed:
        named.post(f"{path}/compress")
    response = named.get(f"{path}/data", headers={"Range": asked})
    if expected is None:
        assert told(response) == (416, 41)
        return
    assert (response.status_code, response.content) == (206, expected)
    assert response.headers["content-type"] == "application/octet-stream"
    start = b"hello".index(expected[:2]) if asked != "bytes=1-1" else 1
    last = start + len(expected) - 1
    assert response.headers["content-range"] == f"bytes {start}-{last}/5"
