"""Keeping the journal as small as what it tells of: what nothing can ask for any more goes.

Of a resource the last state counts. Of a deletion that cannot be undone any more a rebuild needs
which receptions have ended, as long as one of them has an object, or a backup of the table may know
them; what was deleted is told no more.
It is done slice by slice: each run of the reconciler goes on where the one before has ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from nephele.aws import clock, journal, keys
from nephele.aws.index import records
from nephele.aws.index.tombstones import is_burying
from nephele.aws.keys import FINAL, InstanceKey
from nephele.services.archive import Archive
from nephele.services.deletion_parts import (
    RESTORED,
    TIDIED,
    Buried,
    folder_of,
    is_part,
    keep_part,
    mark_key,
    read_part,
    whole_key,
)
from nephele.services.settle_deletions import still_served

_SLICES = "0123456789abcdef"
"""First characters of ids, and of the identifiers of deletions."""
_CURSOR = "tidy-journal"
_DAY_SECONDS = 86_400
"""Who writes the journal does so within minutes."""
_UNDO_SECONDS = 30 * _DAY_SECONDS
"""An undo waits some days for objects in Glacier, and as long as somebody pauses it."""
_BACKUPS_SECONDS = 3_690 * _DAY_SECONDS
"""Longer than any backup of the table is kept: what was deleted since a rebuild takes out again."""


def tidy_journal(archive: Archive, has_time: Callable[[], bool], slices: int) -> int:
    """Remove what the journal has outlived; return how many of 16 slices were looked through."""
    table = archive.index.table
    last = records.cursor(table, _CURSOR)
    start = _SLICES.index(last) + 1 if last else 0
    done = 0
    for one in (_SLICES[start:] + _SLICES[:start])[:slices]:
        if not has_time():
            break
        if one == _SLICES[0]:
            journal.tidy_options(archive.bucket)
            journal.tidy_exports(archive.bucket)
        settled_before = clock.epoch_seconds() - _DAY_SECONDS
        if not journal.tidy_states(archive.bucket, one, settled_before, has_time):
            break
        if not _tidy_deletions(archive, one, has_time):
            break
        records.put_cursor(table, _CURSOR, one)
        done += 1
    return done


def _tidy_deletions(archive: Archive, first: str, has_time: Callable[[], bool]) -> bool:
    """Tidy the deletions whose identifiers begin so; tell whether there was time for all."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for name, changed in archive.bucket.iter_objects(f"{keys.DELETIONS}{first}"):
        identifier = name.removeprefix(keys.DELETIONS).partition("/")[0]
        found[identifier][name] = changed
    for identifier, names in found.items():
        if _is_tidied(identifier, names):
            continue
        if not has_time():
            return False
        if _is_over(archive, identifier, names):
            _tidy_deletion(archive, identifier, names)
    return True


def _is_tidied(identifier: str, names: Mapping[str, float]) -> bool:
    """Tell whether a deletion was tidied since it went on last, and is to stay as it is."""
    tidied = names.get(_tidied_key(identifier))
    parts = [changed for name, changed in names.items() if is_part(name)]
    oldest_kept = clock.epoch_seconds() - _BACKUPS_SECONDS
    return tidied is not None and bool(parts) and oldest_kept < min(parts) <= max(parts) <= tidied


def _tidied_key(identifier: str) -> str:
    return mark_key(whole_key(identifier), TIDIED)


def _is_over(archive: Archive, identifier: str, names: Mapping[str, float]) -> bool:
    """Tell whether a deletion can neither be undone nor go on under its name, for a day now."""
    now, whole = clock.epoch_seconds(), whole_key(identifier)
    days = archive.configuration.undelete_days if whole in names else 0
    oldest_young = now - (days + 1) * _DAY_SECONDS
    if names.get(whole, 0) > oldest_young:
        return False
    if any(names[name] > now - _DAY_SECONDS for name in names if is_part(name)):
        return False
    if _is_being_undone(identifier, names):
        return False
    if whole in names:
        expires = journal.read_deletion(archive.bucket, whole).expires
        if expires + _DAY_SECONDS > now:
            return False
    return not is_burying(archive.index.table, whole)


def _is_being_undone(identifier: str, names: Mapping[str, float]) -> bool:
    """Tell whether an undo has begun of late that has not come to its end: it may be waiting."""
    folder = folder_of(whole_key(identifier))
    if mark_key(folder, RESTORED) in names:
        return False
    begun = (changed for name, changed in names.items() if name.endswith(f"/{RESTORED}"))
    return max(begun, default=0) > clock.epoch_seconds() - _UNDO_SECONDS


def _tidy_deletion(archive: Archive, identifier: str, names: Mapping[str, float]) -> None:
    """Take what was deleted out of the journal, and the deletion where all its objects are gone."""
    left = [
        name
        for name in names
        if is_part(name) and not _tidy_part(archive, name, names[name], names)
    ]
    whole = whole_key(identifier)
    if whole in names:
        archive.bucket.delete(whole)
    for name in names:
        is_mark = folder_of(name) == folder_of(whole) and name != whole and not is_part(name)
        if is_mark and not (left and name == mark_key(folder_of(whole), RESTORED)):
            archive.bucket.delete(name)
    if left:
        archive.bucket.put_json(_tidied_key(identifier), {})
    elif _tidied_key(identifier) in names:
        archive.bucket.delete(_tidied_key(identifier))


def _tidy_part(archive: Archive, name: str, changed: float, names: Mapping[str, float]) -> bool:
    """Take what users kept out of a part, and later the part itself; tell whether it is gone."""
    still_served(archive, name)  # marks it: one that is not would not count
    part = read_part(archive.bucket, name)
    if part.kept:
        keep_part(archive.bucket, name, replace(part, kept=()))
        return False
    is_young = changed > clock.epoch_seconds() - _BACKUPS_SECONDS
    if is_young or not all(_is_gone(archive, one) for one in part.instances):
        return False
    for mark in names:
        if folder_of(mark) == name:
            archive.bucket.delete(mark)
    archive.bucket.delete(name)
    return True


def _is_gone(archive: Archive, one: Buried) -> bool:
    """Tell whether no reception of an instance that a part names has an object."""
    ours = {str(InstanceKey(FINAL, one.orthanc_id, uuid)) for uuid in one.all}
    beginning = str(InstanceKey(FINAL, one.orthanc_id, ""))
    return ours.isdisjoint(name for name, _ in archive.bucket.iter_objects(beginning))
