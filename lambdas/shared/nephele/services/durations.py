"""How long requests took of late, and how many there were at once: of this process alone."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 10.0
"""Orthanc's figures of this kind are the greatest values of that time."""

_MOST_VALUES = 10_000


class Peak:
    """The greatest of the values that came within the last ten seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._values: deque[tuple[float, float]] = deque(maxlen=_MOST_VALUES)
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        """Take a value; those it exceeds can be no peak any more."""
        with self._lock:
            while self._values and self._values[-1][1] <= value:
                self._values.pop()
            self._values.append((self._clock(), value))

    def value(self) -> float:
        """Return the peak, 0 where nothing came."""
        with self._lock:
            oldest = self._clock() - WINDOW_SECONDS
            while self._values and self._values[0][0] < oldest:
                self._values.popleft()
            return self._values[0][1] if self._values else 0.0


class Requests:
    """The requests of a process: how many are under way, and how long they took."""

    def __init__(self) -> None:
        self.durations_ms = Peak()
        self.at_once = Peak()
        self._active = 0
        self._lock = threading.Lock()

    def begin(self) -> float:
        """Count a request; return what `end` wants."""
        with self._lock:
            self._active += 1
            self.at_once.add(self._active)
        return time.perf_counter()

    def end(self, begun: float) -> None:
        """Note that a request is answered."""
        with self._lock:
            self._active -= 1
        self.durations_ms.add(1000 * (time.perf_counter() - begun))


REST_REQUESTS = Requests()
"""Those of the REST API; nothing of a request is kept but its duration."""
