"""Stable resources: nothing was received beneath them for `StableAge` seconds.

AWS has no timers, so each commit sends itself a delayed message; the last one finds nothing newer.
The messages are the stream consumer's. If it rests for longer than its records are kept they never
come: so the change log keeps which parents its commits touched, and a schedule looks them up there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice, takewhile
from typing import TypedDict

from nephele.aws import clock
from nephele.aws.index import changes, codec, events, records
from nephele.aws.index.changes import Touched
from nephele.aws.index.table import Row
from nephele.aws.queues import MAXIMUM_DELAY_SECONDS
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change, ChangeType
from nephele.domain.series_status import SeriesStatus, series_status
from nephele.services.archive import Archive

_STABLE = {
    Level.PATIENT: ChangeType.STABLE_PATIENT,
    Level.STUDY: ChangeType.STABLE_STUDY,
    Level.SERIES: ChangeType.STABLE_SERIES,
}
_CURSOR = "stability"
_BLOCKS_AT_ONCE = 50


class Reminder(TypedDict):
    """The delayed message: the resource, and when something was received beneath it."""

    level: str
    id: str
    received: str


def remind(archive: Archive, reminders: list[Reminder]) -> None:
    """Look at these resources again when they may have become stable."""
    archive.queue("stable").send_all(reminders, archive.configuration.stable_age)


def settle(archive: Archive, reminder: Reminder) -> bool:
    """Make a resource stable unless something was received since; tell whether it was done."""
    rest = archive.configuration.stable_age - clock.age_seconds(reminder["received"])
    if rest > 1:
        archive.queue("stable").send(reminder, min(int(rest) + 1, MAXIMUM_DELAY_SECONDS))
        return False
    level, orthanc_id = Level(reminder["level"]), OrthancId(reminder["id"])
    change = Change(_STABLE[level], level, orthanc_id, clock.to_seconds(clock.now()))
    return events.mark_stable(archive.index.table, change, reminder["received"])


def settle_quietly(archive: Archive, orthanc_id: OrthancId, received: str) -> bool:
    """Make a resource stable as `settle` does, telling nobody; where it is too early, nothing."""
    if clock.age_seconds(received) < archive.configuration.stable_age:
        return False
    return events.put_mark(archive.index.table, orthanc_id, events.STABLE, received)


def complete_quietly(archive: Archive, series: OrthancId) -> bool:
    """Note that a series has all of its instances, if it has, telling nobody."""
    if not _is_complete(archive, series):
        return False
    return events.put_mark(archive.index.table, series, events.COMPLETE)


def complete(archive: Archive, series: OrthancId) -> bool:
    """Log that a series has all of its instances, once, if it has; tell whether it was done."""
    if not _is_complete(archive, series):
        return False
    date = clock.to_seconds(clock.now())
    change = Change(ChangeType.COMPLETED_SERIES, Level.SERIES, series, date)
    return events.mark_complete(archive.index.table, change)


def _is_complete(archive: Archive, series: OrthancId) -> bool:
    resource = archive.index.resource(series)
    if resource is None or "ExpectedNumberOfInstances" not in resource.metadata:
        return False
    expected = int(resource.metadata["ExpectedNumberOfInstances"])
    if resource.totals.instances < expected:
        return False
    indexes = [child.index_in_series for child in archive.index.children(series)]
    return series_status(expected, indexes) is SeriesStatus.COMPLETE


def settle_forgotten(archive: Archive, has_time: Callable[[], bool], grace_seconds: float) -> int:
    """Make stable, or complete, what nobody reminded of; return how many became stable.

    The change log is walked once, up to what is older than `StableAge` and the grace: a reminder
    may still be on its way for the rest. The next run goes on where this one ends.
    """
    table = archive.index.table
    due_seconds = archive.configuration.stable_age + grace_seconds
    walk = changes.iter_touched(table, records.cursor(table, _CURSOR))
    due = takewhile(lambda block: _is_due(block.newest, due_seconds), walk)
    settled = 0
    while (blocks := list(islice(due, _BLOCKS_AT_ONCE))) and has_time():
        settled += _settle_all(archive, blocks, due_seconds)
        records.put_cursor(table, _CURSOR, blocks[-1].position)
    return settled


def _is_due(when: str, due_seconds: float) -> bool:
    return not when or clock.age_seconds(when) > due_seconds


def _settle_all(archive: Archive, blocks: Sequence[Touched], due_seconds: float) -> int:
    """Settle the parents that are not stable; a later block tells of those touched since."""
    parents = dict.fromkeys(parent for block in blocks for parent in block.resources)
    rows = archive.index.rows(orthanc_id for _, orthanc_id in parents)
    settled = 0
    for level, orthanc_id in parents:
        row = rows.get(orthanc_id)
        if row is None or "s" in row or not _is_due(_received(row), due_seconds):
            continue
        if level is Level.SERIES and "f" not in row:
            complete(archive, orthanc_id)
        settled += settle(archive, {"level": level, "id": orthanc_id, "received": _received(row)})
    return settled


def _received(row: Row) -> str:
    return codec.read_text(row, "c")
