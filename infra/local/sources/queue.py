"""A queue's event-source mapping: batches, windows, visibility, partial failures."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from infra.local.aws.calls import SQS, AwsRefusal, Caller
from infra.local.aws.roles import RoleCredentials, Roles
from infra.local.inventory import EventMapping
from infra.local.sources.feed import Feed
from infra.local.sources.patterns import matches
from infra.local.sources.queue_batch import Batch, Message, failed_ids
from nephele.batches import batched

_logger = logging.getLogger(__name__)
_POLL_SECONDS = 3
_MOST_AT_ONCE = 10
_RETRY_SECONDS = 1.0
_REORDER_SECONDS = 0.5
_TICK_SECONDS = 0.02


class QueueSource:
    """Feed a queue's messages to a function.

    Messages of a batch that failed are not touched: they come back when the queue's visibility
    timeout ends, and the queue itself moves them to its dead-letter queue.
    """

    def __init__(
        self,
        mapping: EventMapping,
        queue_url: str,
        feed: Feed,
        caller: Caller,
        roles: Roles,
        poll_seconds: int = _POLL_SECONDS,
    ) -> None:
        self._poll_seconds = poll_seconds
        self._mapping = mapping
        self._queue_url = queue_url
        self._feed = feed
        self._caller = caller
        self._roles = roles
        self._stopping = asyncio.Event()
        self._slots = asyncio.Semaphore(mapping.maximum_concurrency)
        self._held: list[Message] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._collecting: Batch | None = None

    @property
    def is_busy(self) -> bool:
        """Tell whether messages are in its hands."""
        return bool(self._calls or self._held or (self._collecting and self._collecting.messages))

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()

    async def run(self) -> None:
        """Poll until stopped, then finish what was taken."""
        while not self._stopping.is_set():
            await self._feed.wait_while_paused(self._stopping)
            await self._slots.acquire()
            batch = await self._collect()
            if not batch.messages:
                self._slots.release()
                continue
            task = asyncio.create_task(self._deliver(batch.messages))
            self._calls.add(task)
            self._collecting = None
            task.add_done_callback(self._delivered)
        await asyncio.gather(*self._calls)

    def _delivered(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._slots.release()

    async def _collect(self) -> Batch:
        batch = Batch(self._mapping.batch_size, self._mapping.window_seconds)
        self._collecting = batch
        while not self._stopping.is_set() and not self._feed.is_paused:
            self._fill(batch)
            if batch.is_due:
                break
            await self._receive(batch)
        if self._stopping.is_set() or self._feed.is_paused:
            await self._give_back([*batch.messages, *self._held])
            batch.messages.clear()
            self._held.clear()
        return batch

    def _fill(self, batch: Batch) -> None:
        """Move held messages whose time has come into the batch."""
        now = time.monotonic()
        if self._feed.switches.faults.reorder:
            self._feed.switches.shuffle(self._held)
        for message in [item for item in self._held if item.held_until <= now]:
            if not batch.has_room_for(message):
                break
            self._held.remove(message)
            batch.add(message)

    async def _receive(self, batch: Batch) -> None:
        wait = 0 if batch.messages or self._held else self._poll_seconds
        room = min(_MOST_AT_ONCE, max(1, batch.size - len(batch.messages)))
        try:
            received = await self._call(
                "ReceiveMessage",
                MaxNumberOfMessages=room,
                WaitTimeSeconds=wait,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except AwsRefusal as exc:
            _logger.warning("%s: %s", self._mapping.function.name, exc)
            await asyncio.sleep(_RETRY_SECONDS)
            return
        messages = received.get("Messages", [])
        for raw in messages:
            self._hold(Message(raw))
        if len(messages) < room and not wait:  # a poll for every message would cost more than it
            pause = batch.seconds_left if batch.messages else _TICK_SECONDS
            await asyncio.sleep(min(_TICK_SECONDS * 5, pause))

    def _hold(self, message: Message) -> None:
        """Keep a received message until it is delivered: at once, unless a switch says later."""
        switches = self._feed.switches
        faults = switches.faults
        latest = max(faults.delay_seconds, _REORDER_SECONDS if faults.reorder else 0.0)
        message.held_until = time.monotonic() + switches.up_to(latest)
        self._held.append(message)
        if switches.strikes(faults.duplicate):
            again = time.monotonic() + switches.up_to(max(latest, _REORDER_SECONDS))
            self._held.append(Message(message.raw, again, is_echo=True))

    async def _deliver(self, messages: list[Message]) -> None:
        """Call the function, and delete what it handled."""
        passing, dropped = self._filtered(messages)
        handled = [message for message in dropped if not message.is_echo]
        if passing:
            records = [message.record(self._mapping.source_arn) for message in passing]
            outcome = await self._feed.call(records)
            failed = frozenset(message.message_id for message in passing)
            if outcome.is_good:
                failed = frozenset()
                if self._mapping.reports_item_failures:
                    failed = failed_ids(outcome.payload, passing)
            own = [message for message in passing if not message.is_echo]
            handled += [message for message in own if message.message_id not in failed]
            await self._retry_soon([message for message in own if message.message_id in failed])
        await self._delete(handled)

    def _filtered(self, messages: list[Message]) -> tuple[list[Message], list[Message]]:
        patterns = self._mapping.patterns
        passing = [item for item in messages if matches(patterns, item.raw)]
        return passing, [item for item in messages if item not in passing]

    async def _retry_soon(self, messages: list[Message]) -> None:
        seconds = self._feed.switches.faults.retry_seconds
        if seconds is not None:
            await self._change_visibility(messages, seconds)

    async def _give_back(self, messages: list[Message]) -> None:
        """Make messages that were not delivered visible again."""
        await self._change_visibility([item for item in messages if not item.is_echo], 0)

    async def _delete(self, messages: list[Message]) -> None:
        await self._in_tens("DeleteMessageBatch", messages, {})

    async def _change_visibility(self, messages: list[Message], seconds: float) -> None:
        timeout = {"VisibilityTimeout": round(seconds)}
        await self._in_tens("ChangeMessageVisibilityBatch", messages, timeout)

    async def _in_tens(self, action: str, messages: list[Message], more: dict[str, int]) -> None:
        for group in batched(messages, _MOST_AT_ONCE):
            entries = [
                {"Id": str(index), "ReceiptHandle": message.receipt, **more}
                for index, message in enumerate(group)
            ]
            try:
                await self._call(action, Entries=entries)
            except AwsRefusal as exc:  # they are delivered again, as in AWS
                _logger.warning("%s: %s", self._mapping.function.name, exc)

    async def _call(self, action: str, **parameters: Any) -> dict[str, Any]:
        credentials: RoleCredentials = await self._roles.credentials(self._mapping.function.role)
        return await self._caller.call(
            SQS, action, {"QueueUrl": self._queue_url, **parameters}, credentials
        )
