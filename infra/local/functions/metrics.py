"""Counters of a function: how often, how long, how it ended."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

_KEPT = 20_000


class FunctionMetrics:
    """Counts and durations since the start, or since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._invocations = 0
        self._errors: Counter[str] = Counter()
        self._durations_ms: deque[float] = deque(maxlen=_KEPT)
        self._init_ms: deque[float] = deque(maxlen=_KEPT)
        self._peak_memory_mb = 0.0

    def add_start(self, seconds: float) -> None:
        """Count a cold start."""
        self._init_ms.append(seconds * 1000)

    def add_invocation(self, seconds: float, error: str, peak_memory_mb: float) -> None:
        """Count an invocation and how it ended."""
        self._invocations += 1
        self._durations_ms.append(seconds * 1000)
        self._peak_memory_mb = max(self._peak_memory_mb, peak_memory_mb)
        if error:
            self._errors[error] += 1

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON; percentiles are over the latest 20,000."""
        return {
            "invocations": self._invocations,
            "errors": self._errors.total(),
            "errors_by_type": dict(self._errors),
            "duration_ms": _distribution(self._durations_ms),
            "cold_starts": len(self._init_ms),
            "init_ms": _distribution(self._init_ms),
            "peak_memory_mb": round(self._peak_memory_mb, 1),
        }


def _distribution(values: deque[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "sum": round(sum(ordered), 2),
        "mean": round(sum(ordered) / len(ordered), 3),
        "p50": round(ordered[last // 2], 3),
        "p90": round(ordered[last * 9 // 10], 3),
        "p99": round(ordered[last * 99 // 100], 3),
        "max": round(ordered[-1], 3),
    }
