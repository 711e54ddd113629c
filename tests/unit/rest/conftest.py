"""An archive on moto, and clients of the application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from moto import mock_aws
from pydicom import dcmread
from pydicom.data import get_testdata_file
from starlette.types import ASGIApp

from nephele.aws import clients
from nephele.aws.bucket import Bucket
from nephele.aws.index import Index
from nephele.aws.index.table import Table
from nephele.rest.app import NO_LIMITS, create_app
from nephele.rest.limits import Limits
from nephele.services.archive import Archive
from nephele.settings.configuration import parse_configuration
from tests.unit.conftest import forget_clients, make_storage
from tests.unit.moto_transactions import quick_transactions

BUCKET = "archive"
TABLE = "index"


@pytest.fixture(autouse=True, scope="package")
def aws() -> Iterator[None]:
    """Fake AWS, once: making clients takes longer than the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws(), quick_transactions():
            forget_clients()
            yield
    forget_clients()


@pytest.fixture(autouse=True)
def empty_archive(aws: None) -> Iterator[None]:
    """Make the bucket and the table, and remove them with all that was stored."""
    make_storage(BUCKET, TABLE)
    yield
    clients.dynamodb().delete_table(TableName=TABLE)
    for item in clients.s3().list_objects_v2(Bucket=BUCKET).get("Contents", []):
        clients.s3().delete_object(Bucket=BUCKET, Key=item["Key"])
    clients.s3().delete_bucket(Bucket=BUCKET)


def open_test_archive(**options: object) -> Archive:
    """Open the fake archive under a configuration."""
    configuration = parse_configuration(json.dumps(options))
    return Archive(configuration, Bucket(BUCKET), Index(Table(TABLE)))


@pytest.fixture
def archive() -> Archive:
    """Return the archive under Orthanc's defaults."""
    return open_test_archive()


class Client:
    """A client that calls the application directly; it follows no redirect."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Send one request; an exception that escapes the application fails the test."""
        return asyncio.run(self._send(method, url, options))

    def posts(self, url: str, bodies: Iterable[Any]) -> list[httpx.Response]:
        """POST one JSON body after the other; cheaper than each by itself."""

        async def send_all() -> list[httpx.Response]:
            return [await self._send("POST", url, {"json": body}) for body in bodies]

        return asyncio.run(send_all())

    async def _send(self, method: str, url: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://nephele") as client:
            return await client.request(method, url, **options)

    def get(self, url: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        """POST."""
        return self.request("POST", url, **options)

    def delete(self, url: str, **options: Any) -> httpx.Response:
        """DELETE."""
        return self.request("DELETE", url, **options)


Connect = Callable[..., Client]


@pytest.fixture
def connect(archive: Archive) -> Connect:
    """Return a function that makes clients, with limits or options where a test wants them."""

    def make(limits: Limits = NO_LIMITS, **options: object) -> Client:
        opened = open_test_archive(**options) if options else archive
        return Client(create_app(lambda: opened, limits))

    return make


@pytest.fixture
def client(connect: Connect) -> Client:
    """Return a client of an application without limits."""
    return connect()


CT = "CT_small.dcm"
MR = "MR_small.dcm"


def read_sample(name: str = CT) -> bytes:
    """Return the bytes of one of pydicom's own test files."""
    path = get_testdata_file(name)
    assert isinstance(path, str)
    with open(path, "rb") as file:
        return file.read()


def changed_sample(name: str = CT, **values: str) -> bytes:
    """Return a test file with other values."""
    dataset = dcmread(BytesIO(read_sample(name)))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()
