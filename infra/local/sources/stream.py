"""The table stream's event-source mapping: filters, retries, bisecting, a place for failures."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import orjson

from infra.local.aws.calls import SQS, STREAMS, AwsRefusal, Caller
from infra.local.aws.roles import Roles
from infra.local.aws.server import REGION
from infra.local.functions.invocation import Outcome
from infra.local.inventory import EventMapping
from infra.local.sources.feed import Feed
from infra.local.sources.patterns import matches

_logger = logging.getLogger(__name__)
Record = dict[str, Any]
_POLL_SECONDS = 0.25
_IDLE_POLL_SECONDS = 0.5
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_PAGE = 1000


class StreamSource:
    """Feed a table's changes to a function, in order, one batch at a time.

    ministack's stream has one shard and lives as long as its process, so the position is not kept.
    """

    def __init__(
        self, mapping: EventMapping, failures_url: str, feed: Feed, caller: Caller, roles: Roles
    ) -> None:
        self._mapping = mapping
        self._failures_url = failures_url
        self._feed = feed
        self._caller = caller
        self._roles = roles
        self._stopping = asyncio.Event()
        self._shard = ""
        self._iterator = ""
        self.is_busy = False

    def stop(self) -> None:
        """Ask it to end, once it has read the stream to its end."""
        self._stopping.set()

    async def run(self) -> None:
        """Poll until stopped and nothing is left."""
        while True:
            await self._feed.wait_while_paused(self._stopping)
            is_last = self._stopping.is_set()
            try:
                count = await self._poll()
            except AwsRefusal as exc:
                _logger.warning("%s: %s", self._mapping.function.name, exc)
                self._iterator, count = "", 0
            if is_last and not count:
                return
            if count < _PAGE:
                await self._pause(_POLL_SECONDS if count else _IDLE_POLL_SECONDS)

    async def read_to_end(self) -> bool:
        """Tell whether nothing is waiting in the stream now."""
        if self.is_busy or not self._iterator:
            return False
        answer = await self._call("GetRecords", ShardIterator=self._iterator, Limit=1)
        return not answer["Records"] and not self.is_busy

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _poll(self) -> int:
        if not self._iterator:
            self._iterator = await self._first_iterator()
        answer = await self._call("GetRecords", ShardIterator=self._iterator, Limit=_PAGE)
        records = answer["Records"]
        self.is_busy = bool(records)
        try:
            await self._handle(records)
        finally:
            self.is_busy = False
        self._iterator = answer.get("NextShardIterator", "")
        return len(records)

    async def _first_iterator(self) -> str:
        described = await self._call("DescribeStream", StreamArn=self._mapping.source_arn)
        self._shard = described["StreamDescription"]["Shards"][0]["ShardId"]
        answer = await self._call(
            "GetShardIterator",
            StreamArn=self._mapping.source_arn,
            ShardId=self._shard,
            ShardIteratorType="TRIM_HORIZON",
        )
        return str(answer["ShardIterator"])

    async def _handle(self, records: list[Record]) -> None:
        """Deliver records in batches; each has its own delay, as a whole."""
        passing = [item for item in records if matches(self._mapping.patterns, item)]
        size = self._mapping.batch_size
        for start in range(0, len(passing), size):
            switches = self._feed.switches
            await asyncio.sleep(switches.up_to(switches.faults.delay_seconds))
            batch = passing[start : start + size]
            await self._deliver(batch, 0)
            if switches.strikes(switches.faults.duplicate):
                await self._deliver(batch, 0)

    async def _deliver(self, batch: list[Record], attempt: int) -> None:
        """Call the function; retry, halve or give up as the mapping says."""
        while True:
            outcome = await self._feed.call([self._event(record) for record in batch])
            if outcome.is_good:
                return
            attempt += 1
            if 0 <= self._mapping.maximum_retries < attempt:
                await self._give_up(batch, outcome, attempt)
                return
            await self._pause(min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt))
            if self._mapping.bisects and len(batch) > 1:
                middle = len(batch) // 2
                await self._deliver(batch[:middle], attempt)
                await self._deliver(batch[middle:], attempt)
                return

    def _event(self, record: Record) -> dict[str, object]:
        return {**record, "awsRegion": REGION, "eventSourceARN": self._mapping.source_arn}

    async def _give_up(self, batch: list[Record], outcome: Outcome, attempts: int) -> None:
        """Tell the on-failure destination where the records are."""
        if not self._failures_url:
            return
        body = orjson.dumps(self._failure(batch, outcome, attempts)).decode()
        credentials = await self._roles.credentials(self._mapping.function.role)
        message = {"QueueUrl": self._failures_url, "MessageBody": body}
        await self._caller.call(SQS, "SendMessage", message, credentials)

    def _failure(self, batch: list[Record], outcome: Outcome, attempts: int) -> dict[str, object]:
        first, last = batch[0]["dynamodb"], batch[-1]["dynamodb"]
        return {
            "requestContext": {
                "functionArn": self._mapping.function.arn,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": attempts,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": outcome.error,
            },
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "DDBStreamBatchInfo": {
                "shardId": self._shard,
                "startSequenceNumber": first["SequenceNumber"],
                "endSequenceNumber": last["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _arrival(first),
                "approximateArrivalOfLastRecord": _arrival(last),
                "batchSize": len(batch),
                "streamArn": self._mapping.source_arn,
            },
        }

    async def _call(self, action: str, **parameters: Any) -> dict[str, Any]:
        credentials = await self._roles.credentials(self._mapping.function.role)
        return await self._caller.call(STREAMS, action, parameters, credentials)


def _arrival(change: Record) -> str:
    seconds = float(change.get("ApproximateCreationDateTime", 0))
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
