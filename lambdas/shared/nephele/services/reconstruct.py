"""Reconstructing main DICOM tags and what follows from them, out of the stored headers."""

from __future__ import annotations

from nephele.aws.index.headers import iter_headers
from nephele.aws.index.refresh import PARENTS, refresh_instance, refresh_parent, respell_study
from nephele.domain.header import InstanceHeader, read_header
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.services.archive import Archive
from nephele.services.hierarchy import (
    any_instance,
    descendants,
    in_parallel,
    resources_in_order,
)
from nephele.services.overrides import in_force

_HEADERS_AT_ONCE = 100
"""Headers that are held in memory together."""


def reconstruct(archive: Archive, resource: Resource, *, is_this_level_alone: bool = False) -> None:
    """Rewrite a resource, all beneath and all above it, under the options in force.

    A parent takes its main tags from the instance with the lowest id beneath it. Metadata stay,
    and no change is logged.

    Parameters
    ----------
    is_this_level_alone : bool
        Orthanc's `LimitToThisLevelMainDicomTags`: leave what is beneath and above as it is.
    """
    levels = (resource.level,) if is_this_level_alone else (Level.INSTANCE, *PARENTS)
    for level in levels:
        if level is Level.INSTANCE:
            _refresh_instances(archive, _family(archive, resource, level))
        else:
            _refresh_parents(archive, _family(archive, resource, level))
    if Level.PATIENT in levels:
        _respell_studies(archive, resource.ancestors.get(Level.PATIENT, resource.orthanc_id))


def _respell_studies(archive: Archive, patient: OrthancId) -> None:
    """Follow a patient whose name may have changed: some studies spell it otherwise now."""
    encoding = in_force(archive).default_encoding
    found = archive.index.resource(patient)
    if found is None:
        return
    for study in resources_in_order(archive, descendants(archive, found, Level.STUDY)):
        header = _first_header(archive, study, encoding)
        if header is not None:
            respell_study(archive.index, study, header)


def _family(archive: Archive, resource: Resource, level: Level) -> list[Resource]:
    """Return the resources of a level that are this one, above it or beneath it."""
    if level is resource.level:
        return [resource]
    above = resource.ancestors.get(level)
    ids = descendants(archive, resource, level) if above is None else [above]
    return resources_in_order(archive, ids)


def _refresh_instances(archive: Archive, instances: list[Resource]) -> None:
    encoding = in_force(archive).default_encoding

    def refresh(found: tuple[Resource, bytes]) -> None:
        instance, encoded = found
        refresh_instance(archive.index, instance, read_header(encoded, encoding))

    for start in range(0, len(instances), _HEADERS_AT_ONCE):
        some = instances[start : start + _HEADERS_AT_ONCE]
        in_parallel(refresh, iter_headers(archive.index, archive.bucket, some))


def _refresh_parents(archive: Archive, resources: list[Resource]) -> None:
    encoding = in_force(archive).default_encoding
    for resource in resources:
        header = _first_header(archive, resource, encoding)
        if header is not None:
            refresh_parent(archive.index, resource, header)


def _first_header(archive: Archive, resource: Resource, encoding: str) -> InstanceHeader | None:
    instance = any_instance(archive, resource)
    if instance is None:
        return None
    return read_header(archive.index.header(instance, archive.bucket), encoding)
