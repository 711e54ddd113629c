"""Finding what fell through: objects without an index entry, work and events nobody did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from nephele.aws import clock, journal
from nephele.aws.index import changes, ended, records
from nephele.aws.keys import FINAL, RAW, InstanceKey, parse_instance_key
from nephele.services import dead_letters, events
from nephele.services.archive import Archive
from nephele.services.jobs.unattended import remind
from nephele.services.purge import is_kept
from nephele.services.recycle import ask_to_recycle
from nephele.services.settle_deletions import settle_deletions
from nephele.services.stability import settle_forgotten
from nephele.services.tidy_journal import tidy_journal

Result = TypeVar("Result")
GRACE_SECONDS = 900
"""Objects younger than this are left to their own events."""
PREFIXES_PER_RUN = 6
"""Of 256: with a run each 15 minutes the whole bucket is looked through within eleven hours."""
_PREFIXES = tuple(f"{FINAL}/{n:02x}/" for n in range(256))
_CURSOR = "reconcile"
_CHANGES = "changes"
_BATCH = 100
_RESENT_SECONDS = 6 * 3600
"""A raw object is announced again so rarely: a queue that is behind would grow by each run."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one run found."""

    prefixes: int
    objects: int
    sent_again: int
    to_purge: int
    settled: int = 0


def reconcile(
    archive: Archive,
    has_time: Callable[[], bool],
    grace_seconds: float = GRACE_SECONDS,
    prefixes: int = PREFIXES_PER_RUN,
) -> Reconciled:
    """Look for raw objects, then walk on through the final ones while there is time.

    The next run begins where this one ends.

    Raises
    ------
    ExceptionGroup
        What of it failed. All the rest was done.
    """
    failures: list[Exception] = []
    for step in _house_keeping(archive, grace_seconds):
        _fenced(step, failures)
    settled = _fenced(lambda: settle_forgotten(archive, has_time, grace_seconds), failures)
    total = _fenced(lambda: _walk(archive, has_time, grace_seconds, prefixes), failures)
    _fenced(lambda: tidy_journal(archive, has_time, -(-prefixes // 16)), failures)
    if total is None or failures:
        raise ExceptionGroup("a part of the reconciler failed", failures)
    return replace(total, settled=settled or 0)


def _house_keeping(archive: Archive, grace_seconds: float) -> Sequence[Callable[[], object]]:
    """Return what a run does besides its walks."""
    return (
        lambda: changes.number_pending(archive.index.table),
        lambda: _note_changes(archive),
        lambda: settle_deletions(archive, grace_seconds),
        lambda: dead_letters.forget_settled(archive),
        lambda: ask_to_recycle(archive),
        lambda: remind(archive),
        lambda: journal.tidy_definitions(archive.bucket),
    )


def _fenced(step: Callable[[], Result], failures: list[Exception]) -> Result | None:
    """Do a step of a run; one that fails must not take the others along."""
    try:
        return step()
    except Exception as exc:  # noqa: BLE001  it is raised with the others in the end
        failures.append(exc)
        return None


def _walk(
    archive: Archive, has_time: Callable[[], bool], grace_seconds: float, prefixes: int
) -> Reconciled:
    last = records.cursor(archive.index.table, _CURSOR)
    start = _PREFIXES.index(last) + 1 if last in _PREFIXES else 0
    ordered = (_PREFIXES[start:] + _PREFIXES[:start])[:prefixes]
    total = _reconcile_prefix(archive, f"{RAW}/", grace_seconds)
    for prefix in ordered:
        if not has_time():
            break
        total = _sum(total, _reconcile_prefix(archive, prefix, grace_seconds))
        records.put_cursor(archive.index.table, _CURSOR, prefix)
    return total


def _note_changes(archive: Archive) -> None:
    """Note in the journal how far the numbers of changes have come: none is given twice."""
    table, last = archive.index.table, changes.last_sequence(archive.index.table)
    if last > int(records.cursor(table, _CHANGES) or 0):
        journal.keep_last_change(archive.bucket, last)
        records.put_cursor(table, _CHANGES, str(last))


def _sum(one: Reconciled, other: Reconciled) -> Reconciled:
    return Reconciled(
        one.prefixes + other.prefixes,
        one.objects + other.objects,
        one.sent_again + other.sent_again,
        one.to_purge + other.to_purge,
        one.settled + other.settled,
    )


def _reconcile_prefix(archive: Archive, prefix: str, grace_seconds: float) -> Reconciled:
    oldest_young = clock.epoch_seconds() - grace_seconds
    keys = [
        key
        for name, changed in archive.bucket.iter_objects(prefix)
        if changed <= oldest_young and (key := parse_instance_key(name)) is not None
    ]
    found = Reconciled(1, len(keys), 0, 0)
    for start in range(0, len(keys), _BATCH):
        found = _sum(found, _reconcile_keys(archive, keys[start : start + _BATCH]))
    return found


def _reconcile_keys(archive: Archive, keys: list[InstanceKey]) -> Reconciled:
    raw = _announce_again(archive, [key for key in keys if key.area == RAW])
    final = [key for key in keys if key.area == FINAL]
    rows = archive.index.rows({key.orthanc_id for key in final})
    table = archive.index.table
    settled = ended.settled_among(table, rows, final)
    gone = ended.ended_among(table, rows, final)
    lost = [str(key) for key in final if key.uuid not in settled]
    to_purge = [
        str(key)
        for key in final
        if key.uuid in gone and not is_kept(archive, rows[key.orthanc_id], key)
    ]
    archive.queue("index").send_all([events.object_event(key) for key in lost])
    archive.queue("purge").send_all([{"purge": key} for key in to_purge])
    return Reconciled(0, 0, raw + len(lost), len(to_purge))


def _announce_again(archive: Archive, raw: list[InstanceKey]) -> int:
    """Send the events of raw objects again, unless that was done lately; return how many."""
    table = archive.index.table
    lately = records.resent(table, [key.uuid for key in raw])
    due = [key for key in raw if key.uuid not in lately]
    archive.queue("transcode").send_all([events.object_event(str(key)) for key in due])
    records.put_resent(table, [key.uuid for key in due], _RESENT_SECONDS)
    return len(due)
