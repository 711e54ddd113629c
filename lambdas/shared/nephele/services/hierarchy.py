"""Moving through the archive: lists of a level, resources by id, what lies above and beneath."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId, is_orthanc_id
from nephele.domain.resources import Resource
from nephele.errors import UnknownResource
from nephele.services.archive import Archive

Item = TypeVar("Item")
Result = TypeVar("Result")

_WORKERS = 16


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Call a function for each item, many at a time; results keep the order of the items."""
    waiting = list(items)
    if len(waiting) < 2:
        return [function(item) for item in waiting]
    with ThreadPoolExecutor(min(_WORKERS, len(waiting))) as pool:
        return list(pool.map(function, waiting))


def find_resource(archive: Archive, level: Level, identifier: str) -> Resource | None:
    """Return a resource, None when there is none of that id at that level."""
    if not is_orthanc_id(identifier):
        return None
    resource = archive.index.resource(OrthancId(identifier))
    return resource if resource is not None and resource.level is level else None


def require_resource(archive: Archive, level: Level, identifier: str) -> Resource:
    """Return a resource.

    Raises
    ------
    UnknownResource
        There is none of that id at that level.
    """
    resource = find_resource(archive, level, identifier)
    if resource is None:
        raise UnknownResource("")
    return resource


def list_level(archive: Archive, level: Level, since: int, limit: int | None) -> list[OrthancId]:
    """Return ids of a level in ascending order, after the first `since`, at most `limit`."""
    first = min(since, sys.maxsize)
    stop = None if limit is None else min(first + limit, sys.maxsize)
    return list(islice(archive.index.iter_level(level), first, stop))


def resources_in_order(archive: Archive, ids: Iterable[OrthancId]) -> list[Resource]:
    """Return resources in the order of their ids; those deleted meanwhile are left out."""
    wanted = list(ids)
    found = archive.index.resources(wanted)
    return [found[orthanc_id] for orthanc_id in wanted if orthanc_id in found]


def descendants(archive: Archive, resource: Resource, level: Level) -> list[OrthancId]:
    """Return the ids of a lower level beneath a resource, ascending."""
    ids = [resource.orthanc_id]
    for _ in ORDER[ORDER.index(resource.level) : ORDER.index(level)]:
        families = in_parallel(archive.index.children, ids)
        ids = [child.orthanc_id for family in families for child in family]
    return sorted(ids)


def ancestor(archive: Archive, resource: Resource, level: Level) -> Resource:
    """Return the resource of a higher level above a resource."""
    found = archive.index.resource(resource.ancestors[level])
    if found is None:
        raise UnknownResource("")
    return found


def any_instance(archive: Archive, resource: Resource) -> Resource | None:
    """Return the instance with the lowest ids on the way down, None when it just went."""
    current: Resource | None = resource
    while current is not None and current.level is not Level.INSTANCE:
        children = archive.index.children(current.orthanc_id)
        current = archive.index.resource(children[0].orthanc_id) if children else None
    return current
