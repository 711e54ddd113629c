"""Storing against moto's S3, which checks what the stub does not look at."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from dimse_edge.command import Command
from dimse_edge.reception import MEMORY_BYTES, Reception
from dimse_edge.store import inspect, store
from nephele.aws import clients
from nephele.aws.bucket import Bucket
from nephele.aws.index import Index
from nephele.aws.index.table import Table
from nephele.aws.object_metadata import decode_provenance
from nephele.domain.part10 import inspect_part10
from nephele.domain.provenance import Origin, Provenance
from nephele.errors import NepheleError
from nephele.services.archive import Archive
from nephele.settings.configuration import parse_configuration
from tests.edge.conftest import StartEdge
from tests.edge.data_sets import CT, associate, ct, encode, store_encoded

EXPLICIT = "1.2.840.10008.1.2.1"
PROVENANCE = Provenance(
    Origin.DICOM_PROTOCOL, "20260101T000000.000000", "CT 1", "ORTHANC", "10.0.0.1"
)


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        clients.s3.cache_clear()
        boto3.client("s3").create_bucket(Bucket="archive")
        yield Archive(parse_configuration("{}"), Bucket("archive"), Index(Table("index")))
    clients.s3.cache_clear()


def receive(encoded: bytes, directory: Path) -> Reception:
    reception = Reception(Command(1, 1, True, CT, "1.2.3.4"), 1, EXPLICIT, directory)
    for start in range(0, len(encoded), 100_000):
        reception.write(memoryview(encoded)[start : start + 100_000])
    return reception


@pytest.mark.parametrize("pixels", [1024, 9 << 20], ids=["one PUT", "parts"])
def test_object_in_s3(pixels: int, archive: Archive, tmp_path: Path) -> None:
    encoded = encode(ct(pixels=pixels))
    reception = receive(encoded, tmp_path)
    receipt = store(archive, reception, PROVENANCE)
    reception.close()
    assert archive.bucket.read(receipt.key).endswith(encoded)
    assert decode_provenance(archive.bucket.head(receipt.key).metadata) == PROVENANCE


def test_missing_bucket_is_an_error(archive: Archive, tmp_path: Path) -> None:
    boto3.client("s3").delete_bucket(Bucket="archive")
    reception = receive(encode(ct()), tmp_path)
    with pytest.raises(NepheleError):
        store(archive, reception, PROVENANCE)
    reception.close()


def test_unreachable_s3_is_a_failure(start_edge: StartEdge) -> None:
    edge = start_edge({}, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    association = associate(edge.port)
    assert store_encoded(association, encode(ct())).status == 0xA700
    association.release()


@pytest.mark.parametrize("pixels", [1024, 3 * MEMORY_BYTES], ids=["in memory", "on disk"])
def test_inspection_agrees_with_the_file(pixels: int, tmp_path: Path) -> None:
    """What the edge says of a data set is what a reader of the stored file will say."""
    reception = receive(encode(ct(pixels=pixels)), tmp_path)
    file = reception.open()
    inspected = inspect(file, reception, "Latin1")
    file.seek(0)
    assert inspected == inspect_part10(io.BytesIO(file.read()))
    assert not list(tmp_path.iterdir()), "a file on disk has no name"
    reception.close()
