"""Reading the change log."""

from __future__ import annotations

from itertools import islice, takewhile

from nephele.aws.index import changes as log
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import ChangePage, NumberedChange
from nephele.services.archive import Archive


def changes(
    archive: Archive,
    *,
    since: int | None = None,
    limit: int = 100,
    to: int | None = None,
    types: frozenset[str] = frozenset(),
) -> ChangePage:
    """Return a page of the log; what was committed before the call is in it.

    Parameters
    ----------
    since : int or None
        Only changes numbered above it.
    limit : int
        The most changes to return; 0 is no limit.
    to : int or None
        Only changes numbered up to it. Without `since`, the largest numbers are returned.
    types : frozenset of str
        Only these change types; empty is all.
    """
    table = archive.index.table
    log.number_pending(table)
    last, cleared = log.bounds(table)
    backward = to is not None and since is None
    if backward:
        downward = log.iter_backward(table, min(to or 0, last))
        numbered = takewhile(lambda change: change.sequence > cleared, downward)
    else:
        end = last if to is None else to
        forward = log.iter_forward(table, max(since or 0, cleared))
        numbered = takewhile(lambda change: change.sequence <= end, forward)
    wanted = (change for change in numbered if not types or change.change.change_type in types)
    found = list(islice(wanted, limit + 1 if limit else None))
    return _page(found, limit, last, backward=backward)


def _page(found: list[NumberedChange], limit: int, last: int, *, backward: bool) -> ChangePage:
    done = not limit or len(found) <= limit
    page = found[:limit] if limit else found
    if backward:
        page.reverse()
    return ChangePage(tuple(page), page[-1].sequence if page else last, done)


def last_change(archive: Archive) -> ChangePage:
    """Return the latest change alone, as `/changes?last` does."""
    table = archive.index.table
    log.number_pending(table)
    last, cleared = log.bounds(table)
    newest = islice(log.iter_backward(table, last), 1)
    return ChangePage(tuple(one for one in newest if one.sequence > cleared), last, done=True)


def clear_changes(archive: Archive) -> None:
    """Empty the log; numbers go on where they were."""
    table = archive.index.table
    log.number_pending(table)
    if last := log.last_sequence(table):
        log.clear(table, last)


def change_document(numbered: NumberedChange) -> dict[str, object]:
    """Return a change as Orthanc shows it."""
    change = numbered.change
    document = describe(change.change_type, change.level, change.orthanc_id, change.date)
    return {**document, "Seq": numbered.sequence}


def describe(kind: str, level: Level, orthanc_id: OrthancId, date: str) -> dict[str, object]:
    """Return what Orthanc shows of a change, its number aside."""
    return {
        "ChangeType": kind,
        "Date": date,
        "ID": orthanc_id,
        "Path": f"/{level.collection}/{orthanc_id}",
        "ResourceType": level.value,
    }
