"""Stable resources: nothing was received beneath them for `StableAge` seconds.

AWS has no timers, so each commit sends itself a delayed message; the last one finds nothing newer.
"""

from __future__ import annotations

from typing import TypedDict

from nephele.aws import clock
from nephele.aws.index import events
from nephele.aws.queues import MAXIMUM_DELAY_SECONDS
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change, ChangeType
from nephele.services.archive import Archive

_STABLE = {
    Level.PATIENT: ChangeType.STABLE_PATIENT,
    Level.STUDY: ChangeType.STABLE_STUDY,
    Level.SERIES: ChangeType.STABLE_SERIES,
}


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
    """Note that a series has all of its instances, telling nobody."""
    return events.put_mark(archive.index.table, series, events.COMPLETE)


def complete(archive: Archive, series: OrthancId) -> bool:
    """Log that a series has all of its instances, once; tell whether it was done."""
    date = clock.to_seconds(clock.now())
    change = Change(ChangeType.COMPLETED_SERIES, Level.SERIES, series, date)
    return events.mark_complete(archive.index.table, change)
