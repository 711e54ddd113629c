"""Describing many resources in one go: the verb behind `/tools/bulk-content`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId, is_orthanc_id
from nephele.domain.resources import Resource
from nephele.services.archive import Archive
from nephele.services.hierarchy import descendants, in_parallel, resources_in_order
from nephele.services.metadata import named_metadata
from nephele.services.resources_view import View, describe


def bulk_content(
    archive: Archive,
    identifiers: Iterable[str],
    level: Level | None,
    view: View,
    *,
    has_metadata: bool,
) -> list[dict[str, object]]:
    """Describe resources of any level, in their order; unknown ones are left out.

    With a level they are replaced by what is above or beneath them at that level, each once,
    ascending by id.
    """
    known = [OrthancId(one) for one in identifiers if is_orthanc_id(one)]
    resources = resources_in_order(archive, known)
    if level is not None:
        resources = _at_level(archive, resources, level)
    described = _describe_mixed(archive, resources, view)
    if not has_metadata:
        return described
    return [
        shown | {"Metadata": named_metadata(archive, resource)}
        for resource, shown in zip(resources, described, strict=True)
    ]


def _at_level(archive: Archive, resources: Sequence[Resource], level: Level) -> list[Resource]:
    families = in_parallel(lambda one: _relatives(archive, one, level), resources)
    ids = sorted({orthanc_id for family in families for orthanc_id in family})
    return resources_in_order(archive, ids)


def _relatives(archive: Archive, resource: Resource, level: Level) -> list[OrthancId]:
    if resource.level is level:
        return [resource.orthanc_id]
    if ORDER.index(level) < ORDER.index(resource.level):
        return [resource.ancestors[level]]
    return descendants(archive, resource, level)


def _describe_mixed(
    archive: Archive, resources: Sequence[Resource], view: View
) -> list[dict[str, object]]:
    """Describe resources of several levels, in their order."""
    shown: dict[OrthancId, dict[str, object]] = {}
    for level in ORDER:
        alike = [one for one in resources if one.level is level]
        for resource, described in zip(alike, describe(archive, alike, view), strict=True):
            shown[resource.orthanc_id] = described
    return [shown[one.orthanc_id] for one in resources]
