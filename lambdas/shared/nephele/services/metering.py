"""Reading the index within a budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from nephele.aws.index import Index
from nephele.aws.index.meter import Meter
from nephele.services.archive import Archive
from nephele.settings.limits import FIND_READ_UNITS, FIND_SECONDS


@contextmanager
def metered(
    archive: Archive, read_units: float = FIND_READ_UNITS, seconds: float = FIND_SECONDS
) -> Iterator[tuple[Archive, Meter]]:
    """Open an archive whose reads are counted, and end with BudgetExhausted above the budget."""
    meter = Meter(read_units, seconds)
    table = replace(archive.index.table, meter=meter)
    yield replace(archive, index=Index(table)), meter
