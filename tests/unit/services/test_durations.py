"""Peaks of the last ten seconds."""

from __future__ import annotations

from nephele.services.durations import WINDOW_SECONDS, Peak, Requests


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_greatest_of_the_last_seconds() -> None:
    clock = Clock()
    peak = Peak(clock)
    assert peak.value() == 0
    peak.add(7)
    clock.now += WINDOW_SECONDS / 2
    peak.add(3)
    assert peak.value() == 7
    clock.now += WINDOW_SECONDS / 2 + 1
    assert peak.value() == 3
    clock.now += WINDOW_SECONDS
    assert peak.value() == 0


def test_what_is_exceeded_is_forgotten() -> None:
    clock = Clock()
    peak = Peak(clock)
    for value in (1, 2, 3, 2):
        peak.add(value)
    assert peak.value() == 3


def test_requests_at_once() -> None:
    requests = Requests()
    begun = [requests.begin(), requests.begin()]
    for one in begun:
        requests.end(one)
    requests.end(requests.begin())
    assert requests.at_once.value() == 2
    assert requests.durations_ms.value() > 0
