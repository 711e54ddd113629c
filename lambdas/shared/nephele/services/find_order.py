"""Ordering what a search found: Orthanc's `OrderBy`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nephele.domain.case import fold_case
from nephele.domain.find_query import Ordering
from nephele.domain.levels import ORDER, Level
from nephele.domain.resources import Resource
from nephele.services.archive import Archive
from nephele.services.find_candidates import Candidate
from nephele.services.metadata import named_metadata

_Tags = Mapping[str, str]


def in_order(
    archive: Archive, found: Sequence[Candidate], order: Sequence[Ordering]
) -> list[Candidate]:
    """Order by each key in turn, ignoring case; then by id. Missing values come last."""
    resources = archive.index.resources([one.orthanc_id for one in found])
    kept = sorted(
        (one for one in found if one.orthanc_id in resources), key=lambda one: one.orthanc_id
    )
    tags = _lineages(archive, list(resources.values()) if _needs_tags(order) else [])
    for ordering in reversed(order):
        values = {
            one.orthanc_id: _value(archive, ordering, resources[one.orthanc_id], tags)
            for one in kept
        }
        present = [one for one in kept if values[one.orthanc_id] is not None]
        present.sort(
            key=lambda one, values=values: values[one.orthanc_id],  # type: ignore[misc]
            reverse=ordering.is_descending,
        )
        kept = present + [one for one in kept if values[one.orthanc_id] is None]
    return kept


def _needs_tags(order: Sequence[Ordering]) -> bool:
    return any(ordering.kind.is_tag for ordering in order)


def _lineages(archive: Archive, resources: Sequence[Resource]) -> dict[str, _Tags]:
    """Return the tags of each resource and of what is above it, by its id.

    A study has its own copy of its patient's.
    """
    ids = {
        orthanc_id
        for resource in resources
        for level, orthanc_id in resource.ancestors.items()
        if level is not Level.PATIENT
    }
    ancestors = archive.index.resources(sorted(ids)) if ids else {}
    lineages: dict[str, _Tags] = {}
    for resource in resources:
        tags: dict[str, str] = {}
        for level in ORDER[1 : ORDER.index(resource.level)]:
            above = ancestors.get(resource.ancestors[level])
            tags |= above.main_tags if above is not None else {}
        lineages[resource.orthanc_id] = tags | resource.main_tags
    return lineages


def _value(
    archive: Archive, ordering: Ordering, resource: Resource, tags: Mapping[str, _Tags]
) -> object:
    is_tag = ordering.kind.is_tag
    source = tags[resource.orthanc_id] if is_tag else named_metadata(archive, resource)
    value = source.get(ordering.key)
    if value is None:
        return None
    read = ordering.kind.read(value)
    return fold_case(read) if isinstance(read, str) else read
