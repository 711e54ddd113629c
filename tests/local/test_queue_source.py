"""Queues are polled as Lambda polls them, against ministack's own queues."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from infra.local.folders import DataFolder
from infra.local.sources.feed import Feed
from infra.local.sources.queue import QueueSource
from tests.local.aws import LocalAws, RecordingPool, local_aws, mapping, polled, switches, until
from tests.local.conftest import eventually

Scenario = Callable[[LocalAws], Awaitable[None]]


@pytest.fixture(scope="module")
def aws_folder(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    folder = DataFolder(tmp_path_factory.mktemp("aws"))
    folder.temporary.mkdir()
    return folder


@pytest.fixture(scope="module")
def loop() -> Any:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def run(loop: asyncio.Runner, aws_folder: DataFolder) -> Any:
    """Return a function that runs a scenario against the module's ministack."""
    context = local_aws(aws_folder)
    aws = loop.run(context.__aenter__())
    yield lambda scenario: loop.run(scenario(aws))
    loop.run(context.__aexit__(None, None, None))


def _source(
    aws: LocalAws, pool: RecordingPool, url: str, arn: str, faults: dict[str, Any], **changes: Any
) -> QueueSource:
    pool.function = dataclasses.replace(pool.function, role=aws.role_arn)
    feed = Feed(pool, switches(**faults))  # type: ignore[arg-type]
    described = mapping(pool.function, arn, **changes)
    return QueueSource(described, url, feed, aws.caller, aws.roles, poll_seconds=1)


def test_messages_become_lambdas_event_and_are_deleted(run: Callable[[Scenario], None]) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        pool = RecordingPool()
        await aws.send(url, *(f"m{number}" for number in range(25)))
        async with polled(_source(aws, pool, url, arn, {})):
            await eventually(lambda: len(pool.bodies) == 25)
        assert sorted(pool.bodies) == sorted(f"m{number}" for number in range(25))
        assert max(len(batch) for batch in pool.batches) == 10
        record = pool.batches[0][0]
        assert record["eventSource"] == "aws:sqs"
        assert record["eventSourceARN"] == arn
        assert record["attributes"]["ApproximateReceiveCount"] == "1"
        assert await aws.count(url) == 0

    run(scenario)


def test_only_the_failed_ones_come_back(run: Callable[[Scenario], None]) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        seen: list[str] = []

        def handle(records: list[dict[str, Any]]) -> dict[str, Any]:
            failed = [r["messageId"] for r in records if r["body"] == "m1" and "m1" not in seen]
            seen.extend(record["body"] for record in records)
            return {"batchItemFailures": [{"itemIdentifier": item} for item in failed]}

        pool = RecordingPool(handle)
        await aws.send(url, "m0", "m1", "m2")
        async with polled(_source(aws, pool, url, arn, {"retry_seconds": 0})):
            await eventually(lambda: len(seen) == 4)
        assert sorted(seen) == ["m0", "m1", "m1", "m2"]
        assert await aws.count(url) == 0

    run(scenario)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"batchItemFailures": [{"itemIdentifier": ""}]}, id="an empty id"),
        pytest.param({"batchItemFailures": [{"itemIdentifier": "other"}]}, id="an unknown id"),
        pytest.param({"batchItemFailures": ["x"]}, id="no object"),
        pytest.param("text", id="no answer of the kind"),
    ],
)
def test_a_senseless_answer_fails_the_whole_batch(
    run: Callable[[Scenario], None], answer: object
) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        pool = RecordingPool(lambda _records: answer)
        await aws.send(url, "m0", "m1")
        source = _source(aws, pool, url, arn, {})
        async with polled(source):
            await eventually(lambda: len(pool.bodies) == 2 and not source.is_busy)
        assert await aws.count(url) == 2

    run(scenario)


def test_what_keeps_failing_ends_in_the_dead_letter_queue(
    run: Callable[[Scenario], None],
) -> None:
    def handle(_records: list[dict[str, Any]]) -> None:
        raise ValueError("always")

    async def scenario(aws: LocalAws) -> None:
        dead_url, dead_arn = await aws.create_queue()
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3})
        url, arn = await aws.create_queue(RedrivePolicy=redrive)
        pool = RecordingPool(handle)
        await aws.send(url, "poison")

        async def is_dead() -> bool:
            return await aws.count(dead_url) == 1

        async with polled(_source(aws, pool, url, arn, {"retry_seconds": 0})):
            await until(is_dead)
        assert pool.bodies == ["poison"] * 3

    run(scenario)


def test_failed_messages_wait_for_the_visibility_timeout(
    run: Callable[[Scenario], None],
) -> None:
    def handle(_records: list[dict[str, Any]]) -> None:
        raise ValueError("once")

    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue(VisibilityTimeout="600")
        pool = RecordingPool(handle)
        await aws.send(url, "m0")
        source = _source(aws, pool, url, arn, {})
        async with polled(source):
            await eventually(lambda: len(pool.bodies) == 1 and not source.is_busy)
        assert await aws.receive(url) == []
        assert await aws.count(url) == 1

    run(scenario)


def test_a_window_gathers_a_large_batch(run: Callable[[Scenario], None]) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        pool = RecordingPool()
        await aws.send(url, *(f"m{number}" for number in range(30)))
        started = time.monotonic()
        async with polled(_source(aws, pool, url, arn, {}, batch_size=100, window_seconds=1)):
            await eventually(lambda: len(pool.bodies) == 30)
            waited = time.monotonic() - started
        assert len(pool.batches) == 1
        assert waited >= 0.9

    run(scenario)


def test_concurrency_is_capped(run: Callable[[Scenario], None]) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        pool = RecordingPool(seconds=0.2)
        await aws.send(url, *(f"m{number}" for number in range(8)))
        async with polled(_source(aws, pool, url, arn, {}, batch_size=1, maximum_concurrency=3)):
            await eventually(lambda: len(pool.bodies) == 8)
        assert pool.most_running == 3

    run(scenario)


def test_the_duplicate_switch_delivers_twice_and_deletes_once(
    run: Callable[[Scenario], None],
) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        pool = RecordingPool()
        await aws.send(url, *(f"m{number}" for number in range(5)))
        async with polled(_source(aws, pool, url, arn, {"duplicate": 1.0})):
            await eventually(lambda: len(pool.bodies) == 10)
        assert sorted(pool.bodies) == sorted([f"m{number}" for number in range(5)] * 2)
        assert await aws.count(url) == 0

    run(scenario)


def test_the_reorder_switch_changes_the_order(run: Callable[[Scenario], None]) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        pool = RecordingPool()
        sent = [f"m{number:02}" for number in range(20)]
        await aws.send(url, *sent)
        async with polled(_source(aws, pool, url, arn, {"reorder": True})):
            await eventually(lambda: len(pool.bodies) == 20)
        assert sorted(pool.bodies) == sent
        assert pool.bodies != sent

    run(scenario)


def test_a_paused_function_gets_nothing_and_everything_later(
    run: Callable[[Scenario], None],
) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        pool = RecordingPool()
        source = _source(aws, pool, url, arn, {"paused": ("tiny",)})
        async with polled(source):
            await aws.send(url, "m0")
            assert await aws.count(url) == 1
            assert pool.bodies == []
            source._feed.switches.change({"paused": []})
            await eventually(lambda: pool.bodies == ["m0"])

    run(scenario)


def test_a_rate_is_kept(run: Callable[[Scenario], None]) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        pool = RecordingPool()
        await aws.send(url, *(f"m{number}" for number in range(20)))
        started = time.monotonic()
        async with polled(_source(aws, pool, url, arn, {"rates": {"tiny": 20.0}})):
            await eventually(lambda: len(pool.bodies) == 20)
        assert time.monotonic() - started >= 0.95

    run(scenario)


def test_stopping_gives_back_what_was_not_delivered(run: Callable[[Scenario], None]) -> None:
    async def scenario(aws: LocalAws) -> None:
        url, arn = await aws.create_queue()
        pool = RecordingPool()
        await aws.send(url, "m0")
        source = _source(aws, pool, url, arn, {}, batch_size=100, window_seconds=60)
        async with polled(source):
            await eventually(lambda: source.is_busy)
        assert pool.bodies == []
        assert await aws.receive(url) == ["m0"]

    run(scenario)
