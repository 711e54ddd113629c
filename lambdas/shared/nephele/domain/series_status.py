"""Orthanc's status of a series: whether all of its instances are there."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class SeriesStatus(StrEnum):
    """Orthanc's `Status`."""

    UNKNOWN = "Unknown"
    MISSING = "Missing"
    INCONSISTENT = "Inconsistent"
    COMPLETE = "Complete"


def series_status(
    expected_number_of_instances: int | None, indexes: Iterable[str | None]
) -> SeriesStatus:
    """Compare the `IndexInSeries` of a series' instances with what is expected.

    Unknown without an expected number or with an index that is no number; Inconsistent when an
    index lies outside `1..expected` or comes twice. Instances without an index do not count.
    """
    if expected_number_of_instances is None:
        return SeriesStatus.UNKNOWN
    seen: set[int] = set()
    for index in indexes:
        if index is None:
            continue
        try:
            number = int(index)
        except ValueError:
            return SeriesStatus.UNKNOWN
        if not 1 <= number <= expected_number_of_instances or number in seen:
            return SeriesStatus.INCONSISTENT
        seen.add(number)
    complete = len(seen) == expected_number_of_instances
    return SeriesStatus.COMPLETE if complete else SeriesStatus.MISSING
