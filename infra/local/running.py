"""The parts that run functions: pools and event sources, started and stopped in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from infra.local.aws.areas import GRANTS_PATH
from infra.local.aws.calls import AwsRefusal, Caller
from infra.local.aws.clients import RootClients
from infra.local.aws.proxy import AwsProxy
from infra.local.aws.roles import Roles
from infra.local.errors import ChildDied
from infra.local.faults import Switches
from infra.local.functions.pool import FunctionPool
from infra.local.grants import granted, used
from infra.local.inventory import EventMapping, Inventory
from infra.local.sources.feed import Feed
from infra.local.sources.patterns import check
from infra.local.sources.queue import QueueSource
from infra.local.sources.schedule import ScheduleSource
from infra.local.sources.stream import StreamSource

_logger = logging.getLogger(__name__)
_Source = QueueSource | StreamSource | ScheduleSource


class Running:
    """Everything that runs functions here.

    Attributes
    ----------
    backlog : dict
        Messages that were waiting or in flight at the last look, by queue.
    """

    def __init__(
        self,
        *,
        inventory: Inventory,
        clients: RootClients,
        caller: Caller,
        roles: Roles,
        switches: Switches,
        pools: Sequence[FunctionPool],
        proxy: AwsProxy | None,
    ) -> None:
        self.roles = roles
        self.switches = switches
        self.backlog: dict[str, int] = {}
        self._clients = clients
        self._caller = caller
        self._proxy = proxy
        self._pools = {pool.function.name: pool for pool in pools}
        self._tasks: dict[_Source, asyncio.Task[None]] = {}
        self._queue_urls: list[str] = []
        self._queues = [self._queue(item) for item in inventory.mappings if item.is_queue]
        self._streams = [self._stream(item) for item in inventory.mappings if not item.is_queue]
        self.schedules = [
            ScheduleSource(item, self._pools[item.function.name]) for item in inventory.schedules
        ]

    def pool(self, name: str) -> FunctionPool:
        """Return a function by its name; ValueError if there is none."""
        if name not in self._pools:
            raise ValueError(f"no function {name}: {', '.join(sorted(self._pools))}")
        return self._pools[name]

    def start(self) -> None:
        """Start polling."""
        for source in self._sources():
            self._tasks[source] = asyncio.create_task(source.run())

    async def failed(self) -> None:
        """Wait until a source ends by itself, which it never should.

        Raises
        ------
        ChildDied
            Naming the error.
        """
        done, _ = await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            error = task.exception()
            _logger.error("an event source ended", exc_info=error)
            raise ChildDied(f"an event source ended: {error!r}")

    async def stop(self) -> None:
        """Stop: queues first, then what they left in the stream, then the workers."""
        for sources in (self.schedules, self._queues, self._streams):
            tasks = [self._tasks[item] for item in sources if item in self._tasks]
            for item in sources:
                item.stop()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(pool.stop() for pool in self._pools.values()))

    async def is_idle(self) -> bool:
        """Tell whether nothing is queued, in flight or unread; delayed messages do not count."""
        self.backlog = await asyncio.to_thread(self._count_messages)
        if any(self.backlog.values()) or any(source.is_busy for source in self._sources()):
            return False
        if any(pool.is_busy for pool in self._pools.values()):
            return False
        try:
            return all([await stream.read_to_end() for stream in self._streams])
        except AwsRefusal:
            return False

    def summary(self) -> dict[str, Any]:
        """Return all figures as JSON."""
        return {
            "functions": {name: pool.summary() for name, pool in self._pools.items()},
            "aws": self._proxy.counts.summary() if self._proxy else None,
        }

    async def grants(self) -> dict[str, list[str]]:
        """Return what the roles may do, and what of it has let a call pass."""
        names = self.roles.names
        noted = await self._caller.read(GRANTS_PATH)
        allowed = await asyncio.to_thread(granted, self._clients, names)
        return {
            "granted": sorted(map(str, allowed)),
            "used": sorted(map(str, used(noted, names))),
        }

    def reset_figures(self) -> None:
        """Start counting anew."""
        for pool in self._pools.values():
            pool.metrics.reset()
        if self._proxy:
            self._proxy.counts.reset()

    def _queue(self, mapping: EventMapping) -> QueueSource:
        feed = self._feed(mapping)
        url = self._queue_url(mapping.source_arn)
        self._queue_urls.append(url)
        return QueueSource(mapping, url, feed, self._caller, self.roles)

    def _stream(self, mapping: EventMapping) -> StreamSource:
        destination = mapping.failure_destination
        failures = self._queue_url(destination) if destination else ""
        return StreamSource(mapping, failures, self._feed(mapping), self._caller, self.roles)

    def _feed(self, mapping: EventMapping) -> Feed:
        for pattern in mapping.patterns:
            check(pattern)
        return Feed(self._pools[mapping.function.name], self.switches)

    def _queue_url(self, arn: str) -> str:
        name = arn.rpartition(":")[2]
        return self._clients.queues.get_queue_url(QueueName=name)["QueueUrl"]

    def _sources(self) -> list[_Source]:
        return [*self._queues, *self._streams, *self.schedules]

    def _count_messages(self) -> dict[str, int]:
        counts = {}
        for url in self._queue_urls:
            try:
                found = self._clients.queues.get_queue_attributes(
                    QueueUrl=url, AttributeNames=["All"]
                )["Attributes"]
            except ClientError:
                continue
            waiting = int(found["ApproximateNumberOfMessages"])
            in_flight = int(found["ApproximateNumberOfMessagesNotVisible"])
            counts[url.rpartition("/")[2]] = waiting + in_flight
        return counts
