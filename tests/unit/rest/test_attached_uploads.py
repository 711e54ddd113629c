"""Attachments that come through presigned URLs: of any size, of any level."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import pytest

from nephele.rest.limits import LAMBDA
from tests.unit.rest.conftest import Client, Connect, read_sample
from tests.unit.rest.test_uploads import begin, objects, put_parts

LARGE = bytes(range(256)) * (40 << 10)
"""10 MiB: more than a request or an answer of Lambda can carry, and more than one part."""
LEVELS = {
    "patients": "ParentPatient",
    "studies": "ParentStudy",
    "series": "ParentSeries",
    "instances": "ID",
}


@pytest.fixture
def ids(client: Client) -> Iterator[dict[str, str]]:
    answer = client.post("/instances", content=read_sample()).json()
    yield {level: answer[name] for level, name in LEVELS.items()}
    assert not [key for key in objects() if key.startswith("uploads/")], "nothing is left over"


def attach(
    client: Client, path: str, content: bytes = LARGE, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Upload an attachment as a client does that was told how."""
    opened = begin(client, len(content))
    etags = put_parts(opened, content, f"uploads/{opened['ID']}")
    body = {"UploadId": opened["UploadId"], "ETags": etags, "Attachment": path}
    answer = client.post(f"{opened['Path']}/complete", json=body, headers=headers or {})
    if not answer.is_success:
        client.post(f"{opened['Path']}/abort", json={"UploadId": opened["UploadId"]})
    return answer


@pytest.mark.parametrize("level", LEVELS)
def test_a_large_attachment(client: Client, ids: dict[str, str], level: str) -> None:
    before = int(client.get("/statistics").json()["TotalDiskSize"])
    path = f"/{level}/{ids[level]}/attachments/1025"
    answer = attach(client, path)
    assert (answer.status_code, answer.text) == (200, "{}")
    md5 = hashlib.md5(LARGE, usedforsecurity=False).hexdigest()
    assert answer.headers["etag"] == f'"0-{md5}"'
    assert client.get(f"{path}/data").content == LARGE
    assert client.get(f"{path}/size").text == str(len(LARGE))
    assert client.get(f"{path}/md5").text == md5
    verified = client.post(f"{path}/verify-md5")
    assert (verified.status_code, verified.text) == (200, "{}")
    total = int(client.get("/statistics").json()["TotalDiskSize"])
    assert total == before + len(LARGE)
    assert client.delete(path).status_code == 200
    assert int(client.get("/statistics").json()["TotalDiskSize"]) == before


def test_behind_lambda_it_is_fetched_from_the_bucket(
    connect: Connect, client: Client, ids: dict[str, str]
) -> None:
    path = f"/studies/{ids['studies']}/attachments/1025"
    limited = connect(LAMBDA)
    refused = limited.request("PUT", path, content=LARGE)
    assert refused.status_code == 413
    assert refused.json()["Upload"]["Path"] == "/uploads"
    assert attach(client, path).status_code == 200
    for view in ("data", "compressed-data"):
        answer = limited.get(f"{path}/{view}")
        assert answer.status_code == 307
        assert answer.headers["location"].startswith("/blobs/attachments/")
    part = limited.get(f"{path}/data", headers={"Range": "bytes=9000000-9000009"})
    assert (part.status_code, part.content) == (206, LARGE[9_000_000:9_000_010])
    assert limited.post(f"{path}/compress").status_code == 200
    assert limited.get(f"{path}/is-compressed").text == "1"
    assert int(limited.get(f"{path}/compressed-size").text) < len(LARGE)
    part = limited.get(f"{path}/data", headers={"Range": "bytes=9000000-9000009"})
    assert part.content == LARGE[9_000_000:9_000_010]
    assert client.get(f"{path}/data").content == LARGE


def test_a_replacement_takes_the_revision_it_expects(client: Client, ids: dict[str, str]) -> None:
    path = f"/series/{ids['series']}/attachments/1025"
    first = client.request("PUT", path, content=b"first").headers["etag"]
    assert attach(client, path, headers={"If-Match": '"7-abc"'}).status_code == 409
    assert client.get(f"{path}/data").content == b"first"
    assert attach(client, path, headers={"If-Match": first}).status_code == 200
    assert client.get(f"{path}/data").content == LARGE


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/studies/{studies}/attachments/dicom", (403, None), id="a core type"),
        pytest.param("/studies/{studies}/attachments/nope", (404, 7), id="an unknown name"),
        pytest.param("/studies/xx/attachments/1025", (404, 17), id="an unknown resource"),
        pytest.param("/studies/{studies}/metadata/1025", (404, 17), id="no attachment"),
        pytest.param("{studies}", (404, 17), id="no path"),
    ],
)
def test_what_cannot_be_attached(
    client: Client, ids: dict[str, str], path: str, expected: tuple[int, int | None]
) -> None:
    answer = attach(client, path.format_map(ids), b"hello")
    code = answer.json()["OrthancStatus"] if answer.content else None
    assert (answer.status_code, code) == expected
