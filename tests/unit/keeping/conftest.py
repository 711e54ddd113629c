"""An archive on moto whose bucket keeps versions, and what its functions do with their queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nephele.aws import clients, clock
from nephele.aws.index import keys
from nephele.aws.index.table import Row
from nephele.aws.queues import Queue
from nephele.domain.levels import Level
from nephele.services.archive import Archive
from nephele.services.follow_up import follow_up
from nephele.services.index_objects import index_objects
from nephele.services.metadata import VALUE
from nephele.services.purge import purge
from nephele.services.recycle import ask_to_recycle, recycle
from nephele.settings.configuration import parse_configuration
from tests.unit.conftest import empty_archive, make_archive, messages
from tests.unit.emulated import emulated_aws

MIB = 1 << 20
_MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


def moment(seconds: int) -> str:
    """Return a time of reception, so long after a midnight."""
    return (_MIDNIGHT + timedelta(seconds=seconds)).strftime(clock.FORMAT)


def configured(archive: Archive, **options: object) -> Archive:
    """Return an archive under other options."""
    return replace(archive, configuration=parse_configuration(json.dumps(options)))


@pytest.fixture(scope="module")
def opened() -> Iterator[Archive]:
    """Open one archive for all tests of a module: making AWS takes longer than they do."""
    with empty_archive() as archive:
        yield complete_archive(archive)


@pytest.fixture(scope="module")
def emulated() -> Iterator[Archive]:
    """Open one on the emulated AWS, which takes a fourth of moto's time."""
    with emulated_aws():
        yield complete_archive(make_archive(table="index"))


def complete_archive(archive: Archive) -> Archive:
    """Give an archive the queue of the recycle function, and its bucket versions."""
    url = clients.sqs().create_queue(QueueName="recycle")["QueueUrl"]
    archive.queues["recycle"] = Queue(url)
    clients.s3().put_bucket_versioning(
        Bucket=archive.bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    return archive


@pytest.fixture
def kept(opened: Archive) -> Archive:
    """Return the archive, emptied."""
    clear(opened)
    return opened


def clear(archive: Archive) -> None:
    """Remove all objects with their versions, all rows and all messages."""
    clear_table(archive)
    client = clients.s3()
    pages = list(client.get_paginator("list_object_versions").paginate(Bucket=archive.bucket.name))
    for page in pages:
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if gone := [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]:
            client.delete_objects(Bucket=archive.bucket.name, Delete={"Objects": gone})
    for name in archive.queues:
        messages(archive, name)


def clear_table(archive: Archive) -> None:
    """Remove all rows: a table that was lost."""
    pages = clients.dynamodb().get_paginator("scan")
    found = [
        keys.key(row["pk"]["S"], row["sk"]["S"])
        for page in pages.paginate(TableName=archive.index.table.name)
        for row in page["Items"]
    ]
    archive.index.table.delete_all(found)


def settle(archive: Archive) -> None:
    """Do what the functions behind stream and queues do, until nothing is left to be done."""
    rows = _pending(archive)
    if not rows:
        ask_to_recycle(archive)
    while True:
        if rows:
            follow_up(archive, rows)
        for message in messages(archive, "purge"):
            purge(archive, message["purge"])
        if messages(archive, "recycle"):
            recycle(archive, lambda: True)
        rows = _pending(archive)
        if not rows:
            return


def follow_commits(archive: Archive) -> None:
    """Do what the stream's consumer does, until no commit is left."""
    while rows := _pending(archive):
        follow_up(archive, rows)


def _pending(archive: Archive) -> list[Row]:
    """Return what commits left to be followed up."""
    shards = range(keys.PENDING_SHARDS)
    return [row for n in shards for row in archive.index.table.iter_query(f"{keys.PENDING}{n}")]


def index_all(archive: Archive) -> None:
    """Index all objects of the bucket."""
    names = [name for name, _ in archive.bucket.iter_objects("dicom/")]
    assert index_objects(archive, names) == {}


def stored_bytes(archive: Archive) -> int:
    """Return what the objects take that the counters count."""
    return sum(
        archive.bucket.head(name).size_bytes
        for prefix in ("dicom/", "attachments/")
        for name, _ in archive.bucket.iter_objects(prefix)
        if VALUE not in name
    )


def assert_counters_match(archive: Archive, counted: dict[Level, int] | None = None) -> None:
    """Compare the counters with the bucket and with what stands in the index."""
    totals = archive.index.totals()
    assert totals.disk_bytes == stored_bytes(archive)
    if counted is None:
        counted = {level: len(list(archive.index.iter_level(level))) for level in Level}
    assert (totals.patients, totals.studies) == (counted[Level.PATIENT], counted[Level.STUDY])
    assert (totals.series, totals.instances) == (counted[Level.SERIES], counted[Level.INSTANCE])
