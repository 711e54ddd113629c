"""The table's stream is polled as Lambda polls it, against ministack's own stream."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from infra.local.folders import DataFolder
from infra.local.sources.feed import Feed
from infra.local.sources.stream import StreamSource
from tests.local.aws import LocalAws, RecordingPool, local_aws, mapping, polled, switches, until
from tests.local.conftest import eventually

PATTERN = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "P#"}]}}}}


@pytest.fixture
def aws_folder(tmp_path: Any) -> DataFolder:
    folder = DataFolder(tmp_path)
    folder.temporary.mkdir()
    return folder


@asynccontextmanager
async def _table(aws: LocalAws) -> AsyncIterator[tuple[str, str]]:
    """Create a table with a stream; yield its name and the stream's ARN."""
    name = f"table-{uuid.uuid4().hex}"
    tables = aws.clients.tables
    created = await asyncio.to_thread(
        lambda: tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
    )
    yield name, created["TableDescription"]["LatestStreamArn"]


async def _put(aws: LocalAws, table: str, *keys: str) -> None:
    for key in keys:
        await asyncio.to_thread(
            lambda key=key: aws.clients.tables.put_item(TableName=table, Item={"pk": {"S": key}})
        )


def _keys(batch: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in batch]


def _source(
    aws: LocalAws, pool: RecordingPool, arn: str, failures_url: str = "", **changes: Any
) -> StreamSource:
    pool.function = dataclasses.replace(pool.function, role=aws.role_arn)
    fields = {"patterns": (PATTERN,), "batch_size": 4, "bisects": True, "maximum_retries": 2}
    faults = changes.pop("faults", {})
    return StreamSource(
        mapping(pool.function, arn, **(fields | changes)),
        failures_url,
        Feed(pool, switches(**faults)),  # type: ignore[arg-type]
        aws.caller,
        aws.roles,
    )


def test_changes_arrive_in_order_filtered(aws_folder: DataFolder) -> None:
    async def scenario() -> None:
        async with local_aws(aws_folder) as aws, _table(aws) as (table, arn):
            pool = RecordingPool()
            await _put(aws, table, "P#1", "other", "P#2")
            source = _source(aws, pool, arn)
            async with polled(source):
                await eventually(lambda: len(pool.batches) == 1)
                await _put(aws, table, "P#3", "P#4", "P#5", "P#6", "P#7", "P#1")
                await until(source.read_to_end)
            keys = [key for batch in pool.batches for key in _keys(batch)]
            assert keys == [f"P#{number}" for number in range(1, 8)]
            assert max(len(batch) for batch in pool.batches) <= 4
            assert pool.batches[0][0]["eventSourceARN"] == arn

    asyncio.run(scenario())


def test_a_poison_record_is_found_and_set_aside(aws_folder: DataFolder) -> None:
    handled: list[str] = []

    def handle(records: list[dict[str, Any]]) -> None:
        if "P#2" in _keys(records):
            raise ValueError("poison")
        handled.extend(_keys(records))

    async def scenario() -> None:
        async with local_aws(aws_folder) as aws, _table(aws) as (table, arn):
            url, _ = await aws.create_queue()
            await _put(aws, table, "P#1", "P#2", "P#3", "P#4", "P#5")
            pool = RecordingPool(handle)
            async with polled(_source(aws, pool, arn, url, maximum_retries=4)):
                await eventually(lambda: "P#5" in handled)
            assert handled == ["P#1", "P#3", "P#4", "P#5"]
            failures = [json.loads(body) for body in await aws.receive(url)]
            assert [failure["DDBStreamBatchInfo"]["batchSize"] for failure in failures] == [1]
            assert failures[0]["requestContext"]["condition"] == "RetryAttemptsExhausted"
            assert failures[0]["DDBStreamBatchInfo"]["streamArn"] == arn

    asyncio.run(scenario())


def test_a_passing_failure_loses_nothing(aws_folder: DataFolder) -> None:
    calls = 0

    def handle(_records: list[dict[str, Any]]) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("once")

    async def scenario() -> None:
        async with local_aws(aws_folder) as aws, _table(aws) as (table, arn):
            await _put(aws, table, "P#1", "P#2")
            pool = RecordingPool(handle)
            async with polled(_source(aws, pool, arn, faults={"duplicate": 1.0})):
                await eventually(lambda: calls >= 4)
            assert _keys(pool.batches[0]) == ["P#1", "P#2"]
            assert [_keys(batch) for batch in pool.batches[1:]] == [
                ["P#1"],
                ["P#2"],
                ["P#1", "P#2"],
            ]

    asyncio.run(scenario())
