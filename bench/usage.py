"""Processor time of the local stack's parts: whose work an instance is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from bench.report import Report
from infra.local.aws.server import EMULATOR
from tests.stack import Stack

_PARTS = {EMULATOR: "ministack", "dimse_edge": "edge", "awslambdaric": "functions"}
_STACK = "nephele up"


class Usage:
    """Processor seconds spent while instances were stored."""

    def __init__(self, stack: Stack) -> None:
        self._root = psutil.Process(stack.process.pid)
        self._spent: Counter[str] = Counter()
        self._instances = 0

    @contextmanager
    def of(self, instances: int) -> Iterator[None]:
        """Count what is spent inside the context for so many instances."""
        before = self._seconds()
        yield
        for pid, (part, seconds) in self._seconds().items():
            spent = seconds - before.get(pid, (part, 0.0))[1]
            self._spent[part] += spent  # type: ignore[assignment]  # seconds have fractions
        self._instances += instances

    def print_per_instance(self, report: Report) -> None:
        """Print milliseconds for each instance, indexing and following up included."""
        total = sum(self._spent.values())
        rows = [
            [part, 1000.0 * seconds / self._instances, f"{100 * seconds / total:.0f} %"]
            for part, seconds in self._spent.most_common()
        ]
        report.table(["processor time of the local stack", "ms per instance", "share"], rows)

    def _seconds(self) -> dict[int, tuple[str, float]]:
        found = {}
        for process in (self._root, *self._root.children(recursive=True)):
            try:
                times, command = process.cpu_times(), process.cmdline()
            except psutil.NoSuchProcess:
                continue
            found[process.pid] = (_part(command), times.user + times.system)
        return found


def _part(command: list[str]) -> str:
    """Tell a process by the program it was started with."""
    found = (part for part in _PARTS if any(word.startswith(part) for word in command))
    return _PARTS[part] if (part := next(found, "")) else _STACK
