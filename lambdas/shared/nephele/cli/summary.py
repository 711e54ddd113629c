"""What a command did with many files: progress while it runs, counts and reasons at its end."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table

_SHOWN = 20
"""Files that are named for one reason in the summary; all of them are counted."""


@dataclass(slots=True)
class Summary:
    """What became of the files; safe to share between threads."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: dict[str, list[str]] = field(default_factory=dict)
    _kinds: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, status: str) -> None:
        """Count one file."""
        with self._lock:
            self.counts[status] += 1

    def add_problem(self, kind: str, name: str, reason: str) -> None:
        """Count one file that did not end as it was meant to, and keep its reason."""
        with self._lock:
            self.counts[kind] += 1
            self._kinds.add(kind)
            self.problems.setdefault(reason, []).append(name)

    def forget_problems(self) -> None:
        """Begin anew with what went wrong: all of it is tried again."""
        with self._lock:
            for kind in self._kinds:
                del self.counts[kind]
            self._kinds.clear()
            self.problems.clear()

    @property
    def has_problems(self) -> bool:
        """Tell whether anything went wrong that was not forgotten."""
        return bool(self.problems)


def progress_by_count(console: Console) -> Progress:
    """Return a progress bar that counts things."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def progress_by_bytes(console: Console) -> Progress:
    """Return a progress bar that counts bytes."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def print_summary(summary: Summary, console: Console) -> None:
    """Print counts, and each reason with the files it concerns."""
    counts = ", ".join(f"{n} {status}" for status, n in sorted(summary.counts.items()) if n)
    if counts:
        console.print(counts)
    if not summary.problems:
        return
    table = Table("files", "reason", Column("which", overflow="fold"))
    for reason, names in sorted(summary.problems.items(), key=lambda item: -len(item[1])):
        more = f"\n… and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        table.add_row(str(len(names)), escape(reason), escape("\n".join(names[:_SHOWN]) + more))
    console.print(table)
