"""A function: its warm workers, how many may run at once, and what became of each call."""

from __future__ import annotations

import asyncio
import math
import os
import time
from datetime import UTC, datetime

from infra.local.aws.roles import Roles
from infra.local.faults import Switches
from infra.local.functions.invocation import (
    PAYLOAD_BYTES,
    Invocation,
    Outcome,
    PayloadTooLarge,
)
from infra.local.functions.metrics import FunctionMetrics
from infra.local.functions.worker import Site, Worker
from infra.local.inventory import DeployedFunction

_MOST_WORKERS = max(8, 2 * (os.cpu_count() or 1))
_KILL_WITHIN_SECONDS = 0.2


class FunctionPool:
    """Invoke one function.

    Attributes
    ----------
    metrics : FunctionMetrics
        What happened so far.
    """

    def __init__(self, site: Site, roles: Roles, switches: Switches) -> None:
        self._site = site
        self._roles = roles
        self._switches = switches
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._endings: set[asyncio.Task[None]] = set()
        reserved = site.function.reserved_concurrency
        self._slots = asyncio.Semaphore(min(reserved or _MOST_WORKERS, _MOST_WORKERS))
        self.metrics = FunctionMetrics()

    @property
    def function(self) -> DeployedFunction:
        """The function this is about."""
        return self._site.function

    @property
    def is_busy(self) -> bool:
        """Tell whether anything is being handled."""
        return bool(self._busy)

    async def invoke(self, payload: bytes, seconds: float = math.inf) -> Outcome:
        """Call the function and wait for its answer.

        Parameters
        ----------
        seconds : float, optional
            How long it may take, where that is less than its timeout.

        Raises
        ------
        PayloadTooLarge
            The event is above Lambda's limit.
        """
        if len(payload) > PAYLOAD_BYTES:
            raise PayloadTooLarge
        async with self._slots:
            worker = self._take_warm() or await self._start()
            if isinstance(worker, Outcome):
                self.metrics.add_invocation(0.0, worker.error, 0.0)
                return worker
            try:
                return await self._run(worker, payload, seconds)
            finally:
                self._busy.discard(worker)
                self._put_back(worker)

    async def stop(self) -> None:
        """End all workers; nothing is being handled any more."""
        for worker in (*self._idle, *self._busy):
            self._end(worker)
        self._idle.clear()
        await asyncio.gather(*self._endings)

    def kill(self) -> None:
        """Kill every worker, busy or not."""
        for worker in (*self._idle, *self._busy):
            worker.kill()

    def summary(self) -> dict[str, object]:
        """Return the figures as JSON."""
        workers = len(self._idle) + len(self._busy)
        return {**self.metrics.summary(), "workers": workers, "busy": len(self._busy)}

    def _take_warm(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_usable:
                self._busy.add(worker)
                return worker
            self._end(worker)
        return None

    async def _start(self) -> Worker | Outcome:
        worker = Worker(self._site, await self._roles.credentials(self.function.role))
        self._busy.add(worker)
        failed = await worker.start()
        self.metrics.add_start(worker.init_seconds)
        if failed is None:
            return worker
        self._busy.discard(worker)
        self._end(worker)
        return failed

    async def _run(self, worker: Worker, payload: bytes, seconds: float) -> Outcome:
        timeout_seconds = min(seconds, self.function.timeout_seconds)
        invocation = Invocation(payload, timeout_seconds, self.function.arn)
        if self._switches.strikes(self._switches.faults.kill):
            delay = self._switches.up_to(_KILL_WITHIN_SECONDS)
            asyncio.get_running_loop().call_later(delay, worker.kill)
        started = time.perf_counter()
        outcome = await worker.invoke(invocation)
        seconds = time.perf_counter() - started
        peak = worker.peak_memory_mb()
        self.metrics.add_invocation(seconds, outcome.error, peak)
        self._report(invocation, outcome, seconds, peak)
        return outcome

    def _put_back(self, worker: Worker) -> None:
        if worker.is_usable:
            self._idle.append(worker)
        else:
            self._end(worker)

    def _end(self, worker: Worker) -> None:
        task = asyncio.create_task(worker.stop())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    def _report(
        self, invocation: Invocation, outcome: Outcome, seconds: float, peak: float
    ) -> None:
        line = (
            f"REPORT {datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} RequestId: {invocation.request_id}"
            f" Duration: {seconds * 1000:.2f} ms Memory: {peak:.0f} of"
            f" {self.function.memory_mb} MB {outcome.error}\n"
        )
        with self._site.log.open("a", encoding="utf-8") as log:
            log.write(line)
