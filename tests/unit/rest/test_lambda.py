"""The application behind API Gateway: events, limits, redirects, and what a process imports."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from nephele.aws import clients
from nephele.rest import limits
from nephele.rest.limits import Limits
from nephele.services.archive import Archive
from nephele.settings.environment import ApiEnvironment
from nephele.settings.limits import LAMBDA_BODY_BYTES, LAMBDA_PAYLOAD_BYTES
from tests.unit.rest.conftest import BUCKET, TABLE, Client, Connect, read_sample

HANDLER = Path(__file__).parents[3] / "lambdas" / "api" / "handler.py"
INSTANCE = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"
SMALL = Limits(request_bytes=60_000, answer_bytes=2_000)
HEAVY = ("numpy", "pydicom", "imagecodecs", "httpx", "rich", "typer", "PIL")


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Return an event loop for the handler, and close it."""
    loop = asyncio.new_event_loop()
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def limited(client: Client, connect: Connect) -> Client:
    """Return a client behind small limits, of an archive that holds one CT instance."""
    client.post("/instances", content=read_sample())
    return connect(SMALL)


def check_redirect(response: httpx.Response, media_type: str, disposition: str) -> str:
    """Check a redirection to a signed path, and return the key it serves."""
    assert response.status_code == 307
    assert response.headers["cache-control"] == "no-store"
    assert b"follow the redirect" in response.content
    location = urlsplit(response.headers["location"])
    assert location.netloc == ""
    query = parse_qs(location.query)
    assert "X-Amz-Signature" in query
    assert query["response-content-type"] == [media_type]
    assert query.get("response-content-disposition", [""]) == [disposition]
    assert location.path.startswith("/blobs/")
    return location.path.removeprefix("/blobs/")


def test_a_large_file_is_redirected(limited: Client, archive: Archive) -> None:
    response = limited.get(f"/instances/{INSTANCE}/file")
    key = check_redirect(response, "application/dicom", f'filename="{INSTANCE}.dcm"')
    assert archive.bucket.read(key) == read_sample()


def test_a_large_computed_answer_is_redirected(
    limited: Client, client: Client, archive: Archive
) -> None:
    response = limited.get(f"/instances/{INSTANCE}/tags")
    key = check_redirect(response, "application/json; charset=utf-8", "")
    assert key.startswith("derived/")
    assert archive.bucket.read(key) == client.get(f"/instances/{INSTANCE}/tags").content


def test_a_large_picture_is_redirected(limited: Client) -> None:
    check_redirect(limited.get(f"/instances/{INSTANCE}/preview"), "image/png", "")


def test_a_small_answer_is_sent(limited: Client) -> None:
    assert limited.get(f"/instances/{INSTANCE}").status_code == 200


def test_a_large_request_is_told_the_other_way(limited: Client) -> None:
    response = limited.post("/instances", content=bytes(60_001))
    assert response.status_code == 413
    assert response.json()["Upload"]["Path"] == "/uploads"


def test_a_post_is_redirected_with_see_other(
    limited: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = limited.post("/uploads", json={"Size": 100 << 20})
    assert response.status_code == 303
    assert response.headers["location"].startswith("/blobs/derived/")


def test_blobs_lead_to_the_bucket(limited: Client) -> None:
    location = limited.get(f"/instances/{INSTANCE}/file").headers["location"]
    response = limited.get(location)
    assert response.status_code == 307
    target = urlsplit(response.headers["location"])
    assert BUCKET in target.netloc + target.path
    assert parse_qs(target.query) == parse_qs(urlsplit(location).query)
    assert "+" not in target.query


def test_a_full_body_fits_into_a_payload() -> None:
    assert -(-LAMBDA_BODY_BYTES // 3) * 4 + 100_000 < LAMBDA_PAYLOAD_BYTES


def load_handler(monkeypatch: pytest.MonkeyPatch, loop: asyncio.AbstractEventLoop) -> Any:
    required = [name for name, field in ApiEnvironment.model_fields.items() if field.is_required()]
    environment = {f"NEPHELE_{name.upper()}": "http://nowhere" for name in required}
    environment |= {"NEPHELE_BUCKET": BUCKET, "NEPHELE_TABLE": TABLE, "NEPHELE_CONFIGURATION": "{}"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("api_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "new_event_loop", lambda: loop)
        spec.loader.exec_module(module)
    return module.handler


def event(method: str, path: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
    """Return what API Gateway sends for a call by alice to the stage `orthanc`."""
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {"Host": "abc.execute-api.eu-west-1.amazonaws.com", **headers},
        "multiValueHeaders": None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {
            "stage": "orthanc",
            "path": f"/orthanc{path}",
            "identity": {"sourceIp": "192.0.2.1"},
            "authorizer": {"username": "alice"},
        },
        "body": base64.b64encode(body).decode() or None,
        "isBase64Encoded": bool(body),
    }


def body_of(answer: dict[str, Any]) -> bytes:
    assert answer["isBase64Encoded"]
    return base64.b64decode(answer["body"])


def test_events(monkeypatch: pytest.MonkeyPatch, loop: asyncio.AbstractEventLoop) -> None:
    handler = load_handler(monkeypatch, loop)
    stored = handler(event("POST", "/instances", read_sample()), None)
    assert json.loads(body_of(stored))["ID"] == INSTANCE
    got = handler(event("GET", f"//instances/{INSTANCE}/file/"), None)
    assert body_of(got) == read_sample()
    (item,) = clients.s3().list_objects_v2(Bucket=BUCKET)["Contents"]
    head = clients.s3().head_object(Bucket=BUCKET, Key=item["Key"])
    assert head["Metadata"]["http-username"] == "alice"
    assert head["Metadata"]["remote-ip"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("headers", "prefix"),
    [
        ({}, "/orthanc"),
        ({"X-Amz-Cf-Id": "x"}, ""),
        ({"Host": "archive.example.org"}, ""),
        ({"Host": "127.0.0.1:8042"}, ""),
    ],
    ids=["default host", "CloudFront", "own domain", "local stack"],
)
def test_redirects_know_the_stage(
    monkeypatch: pytest.MonkeyPatch,
    loop: asyncio.AbstractEventLoop,
    headers: dict[str, str],
    prefix: str,
) -> None:
    monkeypatch.setattr(limits, "LAMBDA", Limits(answer_bytes=1_000))
    handler = load_handler(monkeypatch, loop)
    handler(event("POST", "/instances", read_sample()), None)
    answer = handler(event("GET", f"/instances/{INSTANCE}/file", **headers), None)
    location = answer["headers"].get("location", "")
    assert location.startswith(f"{prefix}/blobs/")


def test_heavy_packages_are_not_imported_at_start() -> None:
    code = (
        "import sys, runpy; sys.path[:0] = sys.argv[2:];"
        "runpy.run_path(sys.argv[1]); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(HANDLER), *sys.path],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not set(HEAVY) & set(done.stdout.split())
