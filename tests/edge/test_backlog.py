"""The pace of responses and releases, against a clock that stands still unless it is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from dimse_edge.backlog import (
    BELIEF_SECONDS,
    FIRST_ALLOWANCE,
    HOLD_SECONDS,
    RELEASE_SECONDS,
    STALL_SECONDS,
    Backlog,
    Indexing,
)
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import Unavailable
from nephele.services.receive import Receipt


@dataclass
class World:
    """An index that takes so many instances a second, after a latency."""

    rate: float
    latency: float = 0.0
    now: float = 100.0
    is_failing: bool = False
    sent: list[tuple[float, str]] = field(default_factory=list)
    indexing: Indexing = field(default_factory=Indexing)
    indexed: int = 0
    _credit_at: float = 100.0

    def backlog(self) -> Backlog:
        return Backlog(self.find_unindexed, self.indexing, lambda: self.now)

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False

    def find_unindexed(self, receipts: Sequence[Receipt]) -> list[Receipt]:
        if self.is_failing:
            raise Unavailable("index: throttled")
        due = sum(1 for at, _ in self.sent if at + self.latency <= self.now)
        capacity = int((self.now - self._credit_at) * self.rate)
        taken = min(capacity, due - self.indexed)
        if taken or due == self.indexed:
            self.indexed += taken
            self._credit_at = self.now
        known = {uuid for _, uuid in self.sent[: self.indexed]}
        return [receipt for receipt in receipts if receipt.uuid not in known]

    def send(self, backlog: Backlog, count: int, seconds: float = 0.003) -> float:
        """Send instances as fast as the responses allow; return the longest delay of one."""
        longest = 0.0
        for _ in range(count):
            self.now += seconds
            uuid = str(len(self.sent))
            self.sent.append((self.now, uuid))
            backlog.add(Receipt(OrthancId(uuid), uuid, "", "", False))
            before = self.now
            backlog.hold(self.wait)
            longest = max(longest, self.now - before)
        return longest


@pytest.mark.parametrize(("rate", "latency"), [(50, 0), (50, 3), (30, 2), (100, 2), (1000, 2)])
def test_release_finds_everything(rate: float, latency: float) -> None:
    world = World(rate, latency)
    backlog = world.backlog()
    assert world.send(backlog, 1500) <= HOLD_SECONDS + 1
    before = world.now
    assert backlog.settle(world.wait)
    assert world.now - before <= RELEASE_SECONDS


def test_fast_indexing_slows_nothing_down() -> None:
    world = World(rate=2000, latency=1)
    assert world.send(world.backlog(), 5000) < 1.5


def test_short_associations_never_ask_before_release() -> None:
    world = World(rate=0)
    world.is_failing = True
    assert world.send(world.backlog(), 100) == 0


def test_standstill_slows_down_once() -> None:
    world = World(rate=0)
    backlog = world.backlog()
    world.send(backlog, FIRST_ALLOWANCE)
    started = world.now
    world.send(backlog, 2000)
    assert world.now - started < STALL_SECONDS + 2000 * 0.003 + 1
    before = world.now
    assert not backlog.settle(world.wait)
    assert world.now - before < 0.1


def test_standstill_is_believed_for_a_while() -> None:
    world = World(rate=0)
    first, second = world.backlog(), world.backlog()
    world.send(first, 1)
    assert not first.settle(world.wait)
    world.send(second, 1)
    before = world.now
    assert not second.settle(world.wait)
    assert world.now == before
    world.now += BELIEF_SECONDS
    world.rate = 100
    third = world.backlog()
    world.send(third, 1)
    assert third.settle(world.wait)


def test_one_that_is_never_indexed_is_not_a_standstill() -> None:
    world = World(rate=100)
    backlog = world.backlog()
    backlog.add(Receipt(OrthancId("lost"), "lost", "", "", False))
    world.send(backlog, 10)
    assert not backlog.settle(world.wait)
    assert len(backlog) == 1
    assert not world.indexing.is_stalled(world.now, world.now)


def test_gone_peer_ends_the_waiting() -> None:
    world = World(rate=0)
    backlog = world.backlog()
    world.send(backlog, 1)
    assert not backlog.settle(lambda _: True)


def test_unreachable_index_is_not_waited_for_longer() -> None:
    world = World(rate=100)
    world.is_failing = True
    backlog = world.backlog()
    world.send(backlog, 10)
    before = world.now
    assert not backlog.settle(world.wait)
    assert world.now - before <= RELEASE_SECONDS
