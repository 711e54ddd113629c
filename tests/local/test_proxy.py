"""The proxy counts AWS calls and units, and makes calls slow or fail, as boto3 sees it."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.aws.proxy import AwsProxy
from infra.local.aws.server import REGION
from infra.local.faults import Switches
from infra.local.folders import DataFolder
from infra.local.ports import listen
from tests.local.aws import LocalAws, local_aws, switches

TABLE, BUCKET = "counted", "counted"
Client = Callable[[str], Any]


@pytest.fixture
def aws_folder(tmp_path: Any) -> DataFolder:
    folder = DataFolder(tmp_path)
    folder.temporary.mkdir()
    return folder


@asynccontextmanager
async def _proxied(
    aws_folder: DataFolder, faults: Switches
) -> AsyncIterator[tuple[AwsProxy, Client]]:
    """Run a proxy in front of a ministack with a table and a bucket."""
    async with local_aws(aws_folder) as aws:
        await asyncio.to_thread(_create, aws)
        aws.roles.call(aws.role_arn, "tiny")
        credentials = await aws.roles.credentials(aws.role_arn)
        certificate = aws.clients.certificate
        proxy = AwsProxy(listen(0, ""), aws.server.endpoint, certificate, aws.roles, faults)
        await proxy.start()
        made: list[Any] = []

        def client(service: str) -> Any:
            made.append(
                boto3.client(
                    service,  # type: ignore[call-overload]
                    endpoint_url=proxy.endpoint,
                    verify=str(certificate.bundle),
                    region_name=REGION,
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=credentials.secret_key,
                    aws_session_token=credentials.token,
                    config=Config(retries={"total_max_attempts": 1}),
                )
            )
            return made[-1]

        try:
            yield proxy, client
        finally:
            for item in made:
                item.close()
            gc.collect()  # connections live as long as the exceptions that came by them
            await proxy.stop()


def _create(aws: LocalAws) -> None:
    aws.clients.tables.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.clients.objects.create_bucket(Bucket=BUCKET)


def _item(key: str, size_bytes: int = 10) -> dict[str, Any]:
    return {"pk": {"S": key}, "value": {"S": "x" * size_bytes}}


def _transact(tables: Any, *keys: str) -> None:
    puts = [{"Put": {"TableName": TABLE, "Item": _item(key)}} for key in keys]
    tables.transact_write_items(TransactItems=puts)


def test_counts_calls_and_units_by_caller(aws_folder: DataFolder) -> None:
    def use(client: Client) -> None:
        tables, objects = client("dynamodb"), client("s3")
        tables.put_item(TableName=TABLE, Item=_item("one", 3000))
        _transact(tables, "two", "three")
        tables.get_item(TableName=TABLE, Key={"pk": {"S": "one"}}, ConsistentRead=True)
        tables.get_item(TableName=TABLE, Key={"pk": {"S": "two"}})
        objects.put_object(Bucket=BUCKET, Key="a b/ü", Body=b"content" * 100_000)
        body = objects.get_object(Bucket=BUCKET, Key="a b/ü", Range="bytes=0-6")["Body"]
        assert body.read() == b"content"
        assert objects.head_object(Bucket=BUCKET, Key="a b/ü")["ContentLength"] == 700_000

    async def scenario() -> None:
        async with _proxied(aws_folder, switches()) as (proxy, client):
            await asyncio.to_thread(use, client)
            counted = proxy.counts.summary()["tiny"]
        assert counted["calls"] == {
            "dynamodb.GetItem": 2,
            "dynamodb.PutItem": 1,
            "dynamodb.TransactWriteItems": 1,
            "s3.GetObject": 1,
            "s3.HeadObject": 1,
            "s3.PutObject": 1,
        }
        assert counted["failed"] == {}
        assert counted["write_units"] == 3 + 2 * 2
        assert counted["read_units"] == 1.5

    asyncio.run(scenario())


def test_conflicts_look_like_dynamodbs(aws_folder: DataFolder) -> None:
    def use(client: Client) -> None:
        tables = client("dynamodb")
        with pytest.raises(ClientError) as refused:
            _transact(tables, "one", "two")
        assert refused.value.response["Error"]["Code"] == "TransactionCanceledException"
        reasons = refused.value.response["CancellationReasons"]  # type: ignore[typeddict-item]
        assert [reason["Code"] for reason in reasons] == ["TransactionConflict", "None"]
        with pytest.raises(tables.exceptions.TransactionConflictException):
            tables.put_item(TableName=TABLE, Item=_item("one"))
        assert "Item" not in tables.get_item(TableName=TABLE, Key={"pk": {"S": "one"}})

    async def scenario() -> None:
        async with _proxied(aws_folder, switches(conflict=1.0)) as (_, client):
            await asyncio.to_thread(use, client)

    asyncio.run(scenario())


def test_throttling_looks_like_each_services_own(aws_folder: DataFolder) -> None:
    def code(call: Callable[..., Any], **parameters: Any) -> str:
        with pytest.raises(ClientError) as refused:
            call(**parameters)
        return str(refused.value.response["Error"]["Code"])

    def use(client: Client) -> None:
        tables = client("dynamodb")
        key = {"pk": {"S": "one"}}
        assert (
            code(tables.get_item, TableName=TABLE, Key=key)
            == "ProvisionedThroughputExceededException"
        )
        assert code(client("s3").get_object, Bucket=BUCKET, Key="a") == "SlowDown"
        url = "https://127.0.0.1/000000000000/queue"
        assert code(client("sqs").receive_message, QueueUrl=url) == "RequestThrottled"

    async def scenario() -> None:
        async with _proxied(aws_folder, switches(throttle=1.0)) as (proxy, client):
            await asyncio.to_thread(use, client)
            assert sum(proxy.counts.summary()["tiny"]["failed"].values()) == 3

    asyncio.run(scenario())


def test_latency_is_added_by_kind(aws_folder: DataFolder) -> None:
    faults = switches()

    def seconds(call: Callable[[], object]) -> float:
        started = time.monotonic()
        call()
        return time.monotonic() - started

    def use(client: Client) -> None:
        tables, objects = client("dynamodb"), client("s3")
        objects.put_object(Bucket=BUCKET, Key="a", Body=b"x")
        faults.change({"s3_put_ms": 300, "s3_get_ms": 200, "transaction_ms": 200})
        assert seconds(lambda: objects.put_object(Bucket=BUCKET, Key="a", Body=b"x")) >= 0.3
        assert seconds(lambda: objects.get_object(Bucket=BUCKET, Key="a")["Body"].read()) >= 0.2
        assert seconds(lambda: _transact(tables, "one")) >= 0.2

    async def scenario() -> None:
        async with _proxied(aws_folder, faults) as (_, client):
            await asyncio.to_thread(use, client)

    asyncio.run(scenario())
