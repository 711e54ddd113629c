"""What every event source does with a batch: hold it, call the function, count."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import orjson

from infra.local.faults import Switches
from infra.local.functions.invocation import Outcome
from infra.local.functions.pool import FunctionPool

_HELD_SECONDS = 0.1


class Source(Protocol):
    """A poller."""

    async def run(self) -> None:
        """Poll until stopped."""

    def stop(self) -> None:
        """Ask it to end: nothing new is taken, what was taken is finished."""

    @property
    def is_busy(self) -> bool:
        """Tell whether records are in its hands."""


class Feed:
    """Call a function with records, under the switches in force."""

    def __init__(self, pool: FunctionPool, switches: Switches) -> None:
        self.pool = pool
        self.switches = switches
        self._free_at = 0.0

    @property
    def is_paused(self) -> bool:
        """Tell whether the function's sources are held."""
        return self.pool.function.name in self.switches.faults.paused

    async def wait_while_paused(self, stopping: asyncio.Event) -> None:
        """Wait while the sources are held, or until they end."""
        while self.is_paused and not stopping.is_set():
            await asyncio.sleep(_HELD_SECONDS)

    async def call(self, records: list[dict[str, object]]) -> Outcome:
        """Call the function with a batch of records."""
        await self._pace(len(records))
        return await self.pool.invoke(orjson.dumps({"Records": records}))

    async def _pace(self, count: int) -> None:
        """Spend the time that so many records take at the rate in force."""
        rate = self.switches.faults.rates.get(self.pool.function.name, 0.0)
        if not rate:
            return
        start = max(time.monotonic(), self._free_at)
        self._free_at = start + count / rate
        await asyncio.sleep(self._free_at - time.monotonic())
