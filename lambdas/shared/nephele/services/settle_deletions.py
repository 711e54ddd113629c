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
    begun = dict(tombstones.iter_buryings(archive.index.table, older_seconds))
    whole = [name for name in begun if name.endswith(f"/{journal.DELETION}")]
    parts = [name for name in begun if name not in whole]
    for name in parts:
        still_served(archive, name)
        tombstones.end_burying(archive.index.table, name)
    for name in whole:
        if _settle_whole(archive, name, begun[name]):
            tombstones.end_burying_since(archive.index.table, name, begun[name])
    return len(parts)


def removed_instances(archive: Archive, identifier: str) -> int:
    """Return how many instances a deletion has removed, by what the journal tells of it."""
    removed: set[OrthancId] = set()
    for name in part_names(archive.bucket, identifier):
        told = {one.orthanc_id for one in read_part(archive.bucket, name).instances}
        removed |= told - still_served(archive, name)
    return len(removed)


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


def _settle_whole(archive: Archive, name: str, begun: str) -> bool:
    """Correct what is told of a deletion that did not come to its end; False where it goes on.

    The index forgets one that has removed nothing before it is marked so: whoever goes on with it
    finds that, and does so under another name.
    """
    identifier = folder_of(name).rpartition("/")[2]
    table = archive.index.table
    deletion = deletions.deletion(table, identifier)
    instances = removed_instances(archive, identifier)
    is_wrong = deletion is not None and (not instances or deletion.instances != instances)
    if is_wrong and not deletions.settle(table, identifier, instances, (name, begun)):
        return False
    if not instances and archive.bucket.exists(name):
        mark(archive.bucket, folder_of(name), VOID)
    return True
