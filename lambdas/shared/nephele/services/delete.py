"""Deleting a resource with all that is beneath it.

The journal has the tombstones before the index: which receptions end, and what users kept at what
goes with them. So a deletion can be undone, and a rebuilt index brings nothing back. They count
once they are marked, after the index has them too: what could not be deleted stays, also when it is
rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from uuid import UUID, uuid5

from nephele.aws import clock, journal
from nephele.aws.index import codec, deletions, tombstones
from nephele.aws.index.removal import remove_instances
from nephele.aws.index.table import Row
from nephele.domain.deletions import Deletion
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId, is_orthanc_id
from nephele.domain.resources import Resource
from nephele.errors import Conflict, UnknownResource
from nephele.services.archive import Archive
from nephele.services.deletion_parts import (
    DONE,
    end_states,
    keep_part,
    mark,
    new_part_key,
    part_of,
    whole_key,
)
from nephele.services.hierarchy import resources_in_order
from nephele.services.settle_deletions import removed_instances

_DAY_SECONDS = 86_400
_TOMBSTONES_AT_ONCE = 500
"""Instances that one object of the journal tells of."""
_ATTEMPTS = 20
_GOING_ON = UUID("6f1d0c6e-3c0b-4b7e-9d53-0d6b1c8a2f47")
"""Namespace of the names that deletions go on under."""


def delete(archive: Archive, level: Level, orthanc_id: OrthancId) -> Resource | None:
    """Delete a resource; its objects are removed later, by a queue.

    Returns
    -------
    Resource or None
        The closest ancestor that is still there.

    Raises
    ------
    UnknownResource
        There is no such resource at this level.
    """
    resource = archive.index.resource(orthanc_id)
    if resource is None or resource.level is not level:
        raise UnknownResource(f"there is no such {level.lower()}")
    _remove(archive, resource, begin_deletion(archive, resource), lambda: True, "")
    return remaining_ancestor(archive, resource)


def remaining_ancestor(archive: Archive, resource: Resource) -> Resource | None:
    """Return the closest ancestor of a resource that is still there."""
    for above in reversed(ORDER[: ORDER.index(resource.level)]):
        survivor = archive.index.resource(resource.ancestors[above])
        if survivor is not None:
            return survivor
    return None


def begin_deletion(archive: Archive, resource: Resource, *, is_recycled: bool = False) -> str:
    """Note that a resource is going to be deleted; return the name of the deletion."""
    identifier = clock.new_uuid()
    _begin(archive, resource, identifier, is_recycled=is_recycled)
    return identifier


def _begin(archive: Archive, resource: Resource, identifier: str, *, is_recycled: bool) -> None:
    days = archive.configuration.undelete_days
    tombstones.begin_burying(archive.index.table, whole_key(identifier))
    if days:
        instance = resource.level is Level.INSTANCE
        deletion = Deletion(
            identifier=identifier,
            level=resource.level,
            orthanc_id=resource.orthanc_id,
            deleted=clock.now(),
            instances=1 if instance else resource.totals.instances,
            size_bytes=resource.totals.disk_bytes,
            main_tags=resource.main_tags,
            is_recycled=is_recycled,
            expires=clock.expiry(days * _DAY_SECONDS),
        )
        journal.keep_deletion(archive.bucket, deletion)
        deletions.put_deletion(archive.index.table, deletion)


def continue_deletion(
    archive: Archive,
    resource: Resource,
    deletion: str,
    has_time: Callable[[], bool] = lambda: True,
    received_before: str = "",
) -> bool:
    """Delete what is left of a resource; False where time ran out, and another call goes on.

    Where the deletion was undone, settled as void or has expired meanwhile, what is left is deleted
    under another name, so that it can be undone too.

    Parameters
    ----------
    received_before : str
        Receptions from this moment on stay; empty where none shall.
    """
    tombstones.begin_burying(archive.index.table, whole_key(deletion))
    going_on = _open_deletion(archive, resource, deletion)
    if going_on != deletion:
        tombstones.end_burying(archive.index.table, whole_key(deletion))
    if not _remove(archive, resource, going_on, has_time, received_before):
        return False
    if deletions.is_settled(archive.index.table, going_on):
        instances = removed_instances(archive, going_on)
        deletions.set_instances(archive.index.table, going_on, instances)
    return True


def _open_deletion(archive: Archive, resource: Resource, identifier: str) -> str:
    """Return under which name a deletion goes on; each try finds the same one."""
    if not archive.configuration.undelete_days:
        return identifier
    table, is_recycled, name = archive.index.table, False, identifier
    while deletions.deletion(table, name) is None:
        if not archive.bucket.exists(whole_key(name)):
            _begin(archive, resource, name, is_recycled=is_recycled)
            return name
        is_recycled = journal.read_deletion(archive.bucket, whole_key(name)).is_recycled
        name = str(uuid5(_GOING_ON, name))
    return name


def _remove(
    archive: Archive,
    resource: Resource,
    deletion: str,
    has_time: Callable[[], bool],
    received_before: str,
) -> bool:
    for ids in _iter_series(archive, resource.level, resource.orthanc_id):
        for start in range(0, len(ids), _TOMBSTONES_AT_ONCE):
            tombstones.begin_burying(archive.index.table, whole_key(deletion))
            if not has_time():
                return False
            some = ids[start : start + _TOMBSTONES_AT_ONCE]
            _bury(archive, deletion, some, received_before)
    tombstones.end_burying(archive.index.table, whole_key(deletion))
    return True


def _iter_series(
    archive: Archive, level: Level, orthanc_id: OrthancId
) -> Iterator[Sequence[OrthancId]]:
    """Yield the instances of each series beneath a resource."""
    if level is Level.INSTANCE:
        yield [orthanc_id]
        return
    children = [child.orthanc_id for child in archive.index.children(orthanc_id)]
    if level is Level.SERIES:
        yield children
        return
    below = ORDER[ORDER.index(level) + 1]
    for child in children:
        yield from _iter_series(archive, below, child)


def _bury(archive: Archive, deletion: str, ids: Sequence[OrthancId], received_before: str) -> None:
    """Delete instances of one series; what another reception took the place of, again."""
    for _ in range(_ATTEMPTS):
        seen = clock.now()
        rows = [
            row
            for row in archive.index.rows(ids).values()
            if not codec.is_deleted(row) and not _is_later(row, received_before)
        ]
        if not rows:
            return
        above = archive.index.rows(codec.read_resource(rows[0]).ancestors.values())
        part = part_of(archive.index.table, seen, rows, list(above.values()))
        name = new_part_key(deletion, seen)
        tombstones.begin_burying(archive.index.table, name)
        keep_part(archive.bucket, name, part)
        remove_instances(archive.index, {one.orthanc_id: one.served for one in part.instances})
        end_states(archive, part.kept)
        mark(archive.bucket, name, DONE)
        tombstones.end_burying(archive.index.table, name)
    raise Conflict("instances were replaced while they were deleted")


def _is_later(row: Row, moment: str) -> bool:
    return bool(moment) and codec.read_text(row, "r") >= moment


def delete_all(archive: Archive, identifiers: Iterable[str]) -> None:
    """Delete resources of any levels; what is none, or went with another one, is passed over."""
    ids = [OrthancId(identifier) for identifier in identifiers if is_orthanc_id(identifier)]
    for resource in resources_in_order(archive, ids):
        with suppress(UnknownResource):
            delete(archive, resource.level, resource.orthanc_id)
