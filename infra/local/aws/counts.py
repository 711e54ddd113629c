"""AWS calls and DynamoDB units, by the role that spent them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from infra.local.aws.operations import Operation


class CallCounts:
    """Counts since the start, or since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._calls: Counter[tuple[str, str]] = Counter()
        self._failed: Counter[tuple[str, str]] = Counter()
        self._read_units: Counter[str] = Counter()
        self._write_units: Counter[str] = Counter()

    def add_call(self, caller: str, operation: Operation, status: int) -> None:
        """Count a call."""
        self._calls[caller, str(operation)] += 1
        if status >= 400:
            self._failed[caller, str(operation)] += 1

    def add_units(self, caller: str, operation: Operation, consumed: Any) -> None:
        """Count the units an answer's `ConsumedCapacity` tells of."""
        entries = consumed if isinstance(consumed, list) else [consumed] if consumed else []
        units = sum(float(entry.get("CapacityUnits", 0)) for entry in entries)
        spent = self._read_units if operation.is_table_read else self._write_units
        spent[caller] += units  # type: ignore[assignment]  # units come in halves

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON: for each caller calls, failures, units."""
        callers = {caller for caller, _ in self._calls}
        return {
            caller: {
                "calls": _of(self._calls, caller),
                "failed": _of(self._failed, caller),
                "read_units": float(self._read_units[caller]),
                "write_units": float(self._write_units[caller]),
            }
            for caller in sorted(callers)
        }


def _of(counts: Counter[tuple[str, str]], caller: str) -> dict[str, int]:
    return {action: count for (who, action), count in sorted(counts.items()) if who == caller}
