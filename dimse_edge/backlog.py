"""What an association has sent and a reader could not find yet.

Before the release is confirmed everything sent has to be readable, within 10 s. So responses to
C-STORE slow down as soon as more is waiting than 10 s can index, at the rate that is observed. When
indexing stands still nothing is slowed down and no release is delayed: what was acknowledged is in
the bucket and will be indexed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.receive import Receipt

RELEASE_SECONDS = 10.0
"""How long a release is delayed at most."""

STALL_SECONDS = 7.0
"""After so long without any progress indexing stands still."""

BELIEF_SECONDS = 15.0
"""How long associations rely on another one having seen it stand still."""

HOLD_SECONDS = 5.0
"""How long one response is delayed at most: senders give up after 10 s at the earliest."""

FIRST_ALLOWANCE = 300
"""What may wait as long as no rate is known."""

_LEAST_ALLOWANCE = 25
_UNWATCHED = 100
_TARGET_SECONDS = 0.8 * RELEASE_SECONDS
_CHECK_SECONDS = 1.0
_HOLD_STEP_SECONDS = 0.25
_FIRST_STEP_SECONDS = 0.1
_LAST_STEP_SECONDS = 0.25
_LEAST_BATCH = 25
_LARGEST_BATCH = 100
_REMEMBERED = 20_000
"""More receipts of one association are not remembered; 10 s could not index them anyway."""

Wait = Callable[[float], bool]
"""Waits so many seconds, and ends early with True when the peer has gone."""


class _Pending(NamedTuple):
    since: float
    receipt: Receipt


@dataclass(slots=True)
class Indexing:
    """What the associations of one process know of indexing."""

    last_progress: float = float("-inf")
    stall_seen: float = float("-inf")

    def is_stalled(self, oldest: float, now: float) -> bool:
        """Tell whether indexing stands still, as seen by who waits since `oldest`."""
        if now - self.stall_seen < BELIEF_SECONDS:
            return True
        return now - max(oldest, self.last_progress) > STALL_SECONDS


@dataclass(slots=True)
class Backlog:
    """The instances of one association that wait for being indexed, oldest first.

    Parameters
    ----------
    find_unindexed : callable
        Returns those receipts a reader could not find.
    """

    find_unindexed: Callable[[Sequence[Receipt]], list[Receipt]]
    indexing: Indexing
    clock: Callable[[], float] = time.monotonic
    _pending: deque[_Pending] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _progress: deque[tuple[float, int]] = field(default_factory=deque)
    _first_sent: float = 0.0
    _last_check: float = 0.0

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, receipt: Receipt) -> None:
        """Remember an instance that is about to be acknowledged."""
        now = self.clock()
        if not self._pending and not self._progress:
            self._first_sent = self._last_check = now
        self._pending.append(_Pending(now, receipt))

    def hold(self, wait: Wait) -> None:
        """Wait until a response may be sent: not at all while the backlog is short."""
        if len(self._pending) <= _UNWATCHED:
            return
        started = self.clock()
        if started - self._last_check >= _CHECK_SECONDS:
            self._check()
        while len(self._pending) > self._allowance() and not self._is_stalled():
            if self.clock() - started >= HOLD_SECONDS or wait(_HOLD_STEP_SECONDS):
                return
            self._check()

    def settle(self, wait: Wait) -> bool:
        """Wait until all is indexed; False if it is not after all the time there is."""
        deadline = self.clock() + RELEASE_SECONDS
        step = _FIRST_STEP_SECONDS
        while self._pending:
            self._check()
            if not self._pending or self._is_stalled() or self.clock() >= deadline:
                break
            if wait(min(step, max(0.0, deadline - self.clock()))):
                break
            step = min(1.5 * step, _LAST_STEP_SECONDS)
        return not self._pending

    def _allowance(self) -> float:
        """Return how many may wait: as many as will be indexed in time."""
        rate = self._rate()
        return max(_LEAST_ALLOWANCE, _TARGET_SECONDS * rate) if rate else FIRST_ALLOWANCE

    def _rate(self) -> float:
        """Return how many were indexed per second of late, 0 where it is not known."""
        now = self.clock()
        while self._progress and now - self._progress[0][0] > RELEASE_SECONDS:
            self._progress.popleft()
        seconds = min(RELEASE_SECONDS, max(1.0, now - self._first_sent))
        return sum(count for _, count in self._progress) / seconds

    def _is_stalled(self) -> bool:
        """Tell whether waiting is vain; tell the other associations if nothing was indexed."""
        now = self.clock()
        if not self._pending or not self.indexing.is_stalled(self._pending[0].since, now):
            return False
        if not self._progress and now - self.indexing.stall_seen >= BELIEF_SECONDS:
            self.indexing.stall_seen = now
            logger.warning("indexing makes no progress", extra={"pending": len(self._pending)})
        return True

    def _check(self) -> None:
        """Look the oldest up, as many as can be expected, and more while most are found."""
        now = self.clock()
        size = max(_LEAST_BATCH, int(1.5 * self._rate() * (now - self._last_check)))
        self._last_check = now
        found = 0
        kept: list[_Pending] = []
        while self._pending:
            size = min(size, _LARGEST_BATCH, len(self._pending))
            batch = [self._pending.popleft() for _ in range(size)]
            missing = self._still_missing(batch)
            kept += missing
            found += len(batch) - len(missing)
            if 2 * len(missing) > len(batch):
                break
            size *= 2
        self._pending.extendleft(reversed(kept))
        if found:
            self._progress.append((self._last_check, found))
            self.indexing.last_progress = self._last_check
            self.indexing.stall_seen = float("-inf")

    def _still_missing(self, batch: list[_Pending]) -> list[_Pending]:
        try:
            missing = self.find_unindexed([pending.receipt for pending in batch])
        except NepheleError as error:
            logger.warning("the index cannot be asked", extra={"error": type(error).__name__})
            return batch
        uuids = {receipt.uuid for receipt in missing}
        return [pending for pending in batch if pending.receipt.uuid in uuids]
