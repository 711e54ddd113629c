"""An empty archive on moto, and receptions made by hand."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pydicom
import pytest
from botocore.config import Config
from moto import mock_aws
from pydicom.data import get_testdata_file

from nephele.aws import clients
from nephele.aws.bucket import Bucket
from nephele.aws.index import Index, job_leases
from nephele.aws.index.commit import Committer, Entry
from nephele.aws.index.table import Table
from nephele.aws.keys import FINAL, InstanceKey
from nephele.aws.queues import Queue
from nephele.domain.header import InstanceHeader
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.resources import StoredFile
from nephele.services.archive import Archive
from nephele.settings.configuration import parse_configuration
from tests.tables import create_table
from tests.unit.moto_transactions import quick_transactions

MakeEntry = Callable[..., Entry]


@pytest.fixture
def archive() -> Iterator[Archive]:
    with empty_archive() as opened:
        yield opened


@contextmanager
def empty_archive() -> Iterator[Archive]:
    """Open an empty archive on moto."""
    with pytest.MonkeyPatch.context() as patch, mock_aws(), quick_transactions():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.setattr(clients, "_client", _made_once)
        forget_clients()
        yield make_archive()
        forget_clients()


make_client = clients._client
"""As it is outside of these tests: it makes a client each time."""
_made: dict[str, Any] = {}


def _made_once(service: str, config: Config) -> Any:
    """Return a client of moto's AWS; making one takes longer than most tests."""
    if service not in _made:
        _made[service] = make_client(service, config)
    return _made[service]


def make_archive(bucket: str = "archive", table: str = "t") -> Archive:
    """Make the parts of an empty archive on moto, and open it."""
    make_storage(bucket, table)
    names = ("index", "transcode", "stable", "purge", "jobs", "edge_jobs")
    queues = {name: Queue(clients.sqs().create_queue(QueueName=name)["QueueUrl"]) for name in names}
    return Archive(parse_configuration("{}"), Bucket(bucket), Index(Table(table)), queues)


def make_storage(bucket: str, table: str) -> None:
    """Make an empty bucket, and an empty table as the index needs it."""
    clients.s3().create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    create_table(table)


def forget_clients() -> None:
    """Let the clients be made anew where they are asked for next."""
    for factory in (clients.dynamodb, clients.s3, clients.sqs, clients.secrets_manager):
        factory.cache_clear()


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Return what lets a worker's lease be over, as if its time had passed."""
    ago = 0.0
    real = job_leases.clock.epoch_seconds

    def pass_time() -> None:
        nonlocal ago
        ago += job_leases.LEASE_SECONDS + 1

    monkeypatch.setattr(job_leases.clock, "epoch_seconds", lambda: real() + ago)
    return pass_time


@pytest.fixture
def committer(archive: Archive) -> Committer:
    return committer_of(archive)


def committer_of(archive: Archive) -> Committer:
    """Return a committer that keeps the first reception and compares by MD5."""
    return Committer(
        archive.index,
        overwrite_instances=False,
        is_same_content=_same_md5,
        has_object=lambda _: True,
    )


def _same_md5(one: StoredFile, other: StoredFile) -> bool:
    return one.md5 == other.md5


@pytest.fixture
def make_entry() -> MakeEntry:
    return entry


def entry(
    sop: str = "1.2.3.4",
    *,
    patient: str = "PAT",
    study: str = "1.2",
    series: str = "1.2.3",
    uuid: str = "u1",
    received: str = "20260101T000000.000000",
    content: bytes = b"pixels",
    number: int = 1,
    expected: int | None = None,
) -> Entry:
    """Make a reception; its header is just long enough for the index."""
    identity = Identity(patient, study, series, sop)
    shown = {"0010,0020": patient} if len(patient) <= 256 else {}
    header = InstanceHeader(
        identity=identity,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        encoded=b"header of " + sop.encode(),
        main_tags={
            Level.PATIENT: shown,
            Level.STUDY: {"0020,000d": study, "0008,0050": "ACC"},
            Level.SERIES: {"0020,000e": series},
            Level.INSTANCE: {"0008,0018": sop},
        },
        pixel_data_offset=100,
        pixel_data_vr="OW",
        index_in_series=str(number),
        expected_number_of_instances=expected,
    )
    key = InstanceKey(FINAL, identity.orthanc_id(Level.INSTANCE), uuid)
    provenance = Provenance(Origin.DICOM_PROTOCOL, received, remote_aet="CT1")
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Entry(header, StoredFile(str(key), uuid, len(content), digest, provenance))


def messages(archive: Archive, queue: str) -> list[dict[str, Any]]:
    """Take all visible messages out of a queue."""
    client, url = clients.sqs(), archive.queue(queue).url
    found: list[dict[str, Any]] = []
    while batch := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in batch:
            found.append(json.loads(message["Body"]))
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def dicom_file(name: str = "CT_small.dcm", **values: str | bytes) -> bytes:
    """Return one of pydicom's own files, with some attributes changed."""
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    if "SOPInstanceUID" in values:
        dataset.file_meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def provenance(received: str = "20260101T000000.000000") -> Provenance:
    """Return a reception over DICOM."""
    return Provenance(Origin.DICOM_PROTOCOL, received, remote_aet="CT1", called_aet="NEPHELE")
