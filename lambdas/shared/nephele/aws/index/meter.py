"""What a query reads: items and read units, and the budget it must keep to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nephele.errors import BudgetExhausted

_UNIT_BYTES = 4096
"""What one read unit reads consistently (Amazon DynamoDB, "Read consistency and capacity")."""
_CONTAINER_BYTES = 3


class Meter:
    """Counts what is read, as DynamoDB bills it; several threads may share one.

    It is told rows after they are read, so a budget is exceeded by a page for each thread at most.
    """

    def __init__(self, most_units: float, most_seconds: float) -> None:
        self.most_units = most_units
        self.most_seconds = most_seconds
        self.items = 0
        self.units = 0
        self._started = time.monotonic()
        self._resting_since: float | None = None
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Return how long the query has taken, without its rests."""
        now = time.monotonic()  # first: another thread may begin a rest at any moment
        since = self._resting_since
        return (now if since is None else since) - self._started

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Let no time count meanwhile: a client takes what was found as slowly as it likes."""
        self._resting_since = began = time.monotonic()
        try:
            yield
        finally:
            self._started += time.monotonic() - began
            self._resting_since = None

    def add_page(self, rows: Sequence[dict[str, Any]]) -> None:
        """Count a page of a query: its rows are billed together.

        Raises
        ------
        BudgetExhausted
            The budget is used up.
        """
        self._add(len(rows), max(1, _units(sum(map(_size_bytes, rows)))))

    def add_rows(self, rows: Sequence[dict[str, Any]], asked: int) -> None:
        """Count rows read by their keys: each is billed by itself, one that is absent too.

        Raises
        ------
        BudgetExhausted
            The budget is used up.
        """
        units = sum(max(1, _units(_size_bytes(row))) for row in rows)
        self._add(len(rows), units + asked - len(rows))

    def _add(self, items: int, units: int) -> None:
        with self._lock:
            self.items += items
            self.units += units
            units = self.units
        if units > self.most_units or self.seconds > self.most_seconds:
            raise BudgetExhausted(
                f"The query reads more than one call may ({self.most_units:.0f} read units or"
                f" {self.most_seconds:.0f} seconds): it is not answered in full. Ask"
                ' for less with "Query", "ParentStudy" or "Limit" and "Since"; "Explain" tells'
                " what a query reads"
            )


def _units(size_bytes: int) -> int:
    return -(-size_bytes // _UNIT_BYTES)


def _size_bytes(row: dict[str, Any]) -> int:
    size_bytes = 0
    for name, value in row.items():
        size_bytes += len(name)
        if (text := value.get("S")) is not None:  # most are
            size_bytes += len(text) if text.isascii() else len(text.encode())
        elif (number := value.get("N")) is not None:
            size_bytes += len(number) // 2 + 1
        else:
            size_bytes += _value_bytes(value)
    return size_bytes


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "N":
        return len(content) // 2 + 1
    if kind == "B":
        return len(content)
    if kind == "M":
        return _CONTAINER_BYTES + _size_bytes(content) + len(content)
    if kind == "SS":
        return sum(len(text.encode()) for text in content)
    return 1
