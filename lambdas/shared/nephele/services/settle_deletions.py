"""Finding out how deletions ended that nobody saw to their end, as the reconciler does."""

from __future__ import annotations

from nephele.aws import journal
from nephele.aws.index import codec, deletions, tombstones
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.deletion_parts import (
    DONE,
    PARTLY,
    VOID,
    end_states,
    folder_of,
    mark,
    mark_key,
    part_names,
    read_part,
    read_still_served,
)


def settle_deletions(archive: Archive, older_seconds: float) -> int:
    """Mark the parts of deletions that ended midway so long ago; return how many there were.

    A deletion that has removed nothing is not offered to be undone any more.
    """
    names = list(tombstones.iter_buryings(archive.index.table, older_seconds))
    whole = [name for name in names if name.endswith(f"/{journal.DELETION}")]
    parts = [name for name in names if name not in whole]
    for name in parts:
        still_served(archive, name)
        tombstones.end_burying(archive.index.table, name)
    for name in whole:
        _settle_whole(archive, name)
        tombstones.end_burying(archive.index.table, name)
    return len(parts)


def still_served(archive: Archive, name: str) -> frozenset[OrthancId]:
    """Return which instances of a part were not deleted; mark it, if that was not done."""
    if archive.bucket.exists(mark_key(name, DONE)):
        return frozenset()
    try:
        return read_still_served(archive.bucket, name)
    except UnknownResource:
        return _settle(archive, name)


def _settle(archive: Archive, name: str) -> frozenset[OrthancId]:
    try:
        part = read_part(archive.bucket, name)
    except UnknownResource:
        return frozenset()  # it was to be written before anything was removed
    rows = archive.index.rows(one.orthanc_id for one in part.instances)
    still = [
        one.orthanc_id
        for one in part.instances
        if codec.is_served(rows.get(one.orthanc_id), one.served)
    ]
    end_states(archive, part.kept)
    mark(archive.bucket, name, PARTLY if still else DONE, still)
    return frozenset(still)


def _settle_whole(archive: Archive, name: str) -> None:
    """Correct what is told of a deletion that did not come to its end."""
    identifier = folder_of(name).rpartition("/")[2]
    table = archive.index.table
    deletion = deletions.deletion(table, identifier)
    if deletion is None:
        return
    instances = sum(
        len(read_part(archive.bucket, part).instances) - len(still_served(archive, part))
        for part in part_names(archive.bucket, identifier)
    )
    if not instances:
        mark(archive.bucket, folder_of(name), VOID)
        deletions.forget_deletion(table, identifier)
    elif instances < deletion.instances:
        deletions.set_instances(table, identifier, instances)
