"""EventBridge rules that call a function at a rate."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from datetime import UTC, datetime

import orjson

from infra.local.aws.server import ACCOUNT, REGION
from infra.local.functions.pool import FunctionPool
from infra.local.inventory import Schedule

_logger = logging.getLogger(__name__)
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class ScheduleSource:
    """Call a function every so often; the first time after one interval, as EventBridge does."""

    def __init__(self, schedule: Schedule, pool: FunctionPool) -> None:
        self._schedule = schedule
        self._pool = pool
        self._interval_seconds = _interval(schedule.expression)
        self._stopping = asyncio.Event()
        self.is_busy = False

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()

    async def run(self) -> None:
        """Wait and call until stopped."""
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), self._interval_seconds)
            except TimeoutError:
                await self.fire()

    async def fire(self) -> None:
        """Call the function now."""
        self.is_busy = True
        try:
            outcome = await self._pool.invoke(orjson.dumps(self._event()))
        finally:
            self.is_busy = False
        if not outcome.is_good:
            _logger.warning("%s: %s", self._schedule.function.name, outcome.error)

    def _event(self) -> dict[str, object]:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "region": REGION,
            "resources": [self._schedule.rule_arn],
            "detail": {},
        }


def _interval(expression: str) -> int:
    """Return the seconds of a rate; ValueError for a cron expression."""
    match = _RATE.fullmatch(expression)
    if match is None:
        raise ValueError(f"schedules that are not emulated: {expression}")
    return int(match[1]) * _SECONDS[match[2]]
