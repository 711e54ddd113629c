"""Deleting a resource with all that is beneath it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from nephele.aws.index.removal import remove_instances
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId, is_orthanc_id
from nephele.domain.resources import Resource
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.hierarchy import resources_in_order


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
    _delete_beneath(archive, level, orthanc_id)
    for above in reversed(ORDER[: ORDER.index(level)]):
        survivor = archive.index.resource(resource.ancestors[above])
        if survivor is not None:
            return survivor
    return None


def _delete_beneath(archive: Archive, level: Level, orthanc_id: OrthancId) -> None:
    if level is Level.INSTANCE:
        remove_instances(archive.index, [orthanc_id])
        return
    children = [child.orthanc_id for child in archive.index.children(orthanc_id)]
    if level is Level.SERIES:
        remove_instances(archive.index, children)
        return
    below = ORDER[ORDER.index(level) + 1]
    for child in children:
        _delete_beneath(archive, below, child)


def delete_all(archive: Archive, identifiers: Iterable[str]) -> None:
    """Delete resources of any levels; what is none, or went with another one, is passed over."""
    ids = [OrthancId(identifier) for identifier in identifiers if is_orthanc_id(identifier)]
    for resource in resources_in_order(archive, ids):
        with suppress(UnknownResource):
            delete(archive, resource.level, resource.orthanc_id)
