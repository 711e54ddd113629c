"""Figures on the terminal: tables, medians with their spread, bars met or not."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """Several measurements of one figure."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the figure that stands for all."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        """Show the median, and what it lies between."""
        if len(self.values) == 1:
            return _short(self.median)
        return f"{_short(self.median)} ({_short(min(self.values))}-{_short(max(self.values))})"


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise, and whether this run kept it."""

    name: str
    wanted: str
    found: str
    is_met: bool

    def __str__(self) -> str:
        """Show it on one line."""
        verdict = "met" if self.is_met else "NOT met"
        return f"{verdict:8} {self.name}: {self.found} (wanted {self.wanted})"


@dataclass(slots=True)
class Report:
    """What was found so far; everything is printed as soon as it is known."""

    bars: list[Bar] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        print(f"\n== {text}  [{time.strftime('%H:%M:%S')}, load {os.getloadavg()[0]:.1f}]")

    def line(self, text: str) -> None:
        """Say something in words."""
        print(text, flush=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print rows under their columns, the first to the left, the others to the right."""
        cells = [[*columns], *([_cell(value) for value in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
        for row in cells:
            first, *others = (
                text.ljust(width) if column == 0 else text.rjust(width)
                for column, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            print("  ".join([first, *others]).rstrip())
        print(flush=True)

    def bar(self, name: str, found: float, *, least: float = 0, below: float = 0) -> None:
        """Judge a figure that must reach `least`, or else stay under `below`."""
        is_met = found < below if below else found >= least
        wanted = f"under {_short(below)}" if below else f"at least {_short(least)}"
        self.judge(Bar(name, wanted, _short(found), is_met))

    def judge(self, bar: Bar) -> None:
        """Keep a bar for the summary, and print it."""
        self.bars.append(bar)
        self.line(str(bar))

    def summary(self) -> None:
        """Print all bars again."""
        self.heading("bars")
        for bar in self.bars:
            self.line(str(bar))


def ratio(one: Sample, other: Sample) -> str:
    """Return how many times the other a figure is."""
    return f"{one.median / other.median:.2f}x"


def _cell(value: object) -> str:
    return _short(value) if isinstance(value, float) else str(value)


def _short(value: float) -> str:
    """Show about three digits."""
    if value == int(value) and value < 1e6:
        return str(int(value))
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"
