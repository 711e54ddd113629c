"""Deleting much as a job: series by series, so that another worker can go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nephele.domain.jobs import Job
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.services.archive import Archive
from nephele.services.delete import begin_deletion, continue_deletion
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import run_or_wait, submit

INSTANCES_AT_ONCE = 2000
"""What is deleted within a call, whose time is short, without a job."""

_RESOURCES = "Resources"
_ANCESTORS = "Ancestors"
_DELETION = "deletion"


def is_much(resources: Iterable[Resource]) -> bool:
    """Tell whether deleting resources may take longer than a call."""
    return sum(one.totals.instances for one in resources) > INSTANCES_AT_ONCE


def delete_by_job(archive: Archive, resources: Sequence[Resource]) -> Job:
    """Delete resources by a job, and wait for it as long as a call may.

    The content of a job about one resource has Orthanc's `RemainingAncestor`.
    """
    request: dict[str, object] = {_RESOURCES: [one.orthanc_id for one in resources]}
    if len(resources) == 1:
        request[_ANCESTORS] = [*reversed(resources[0].ancestors.values())]
    return run_or_wait(archive, submit(archive, "Delete", request))


def run(archive: Archive, piece: Slice) -> bool:
    """Delete resources of any levels; what is gone already is passed over."""
    ids = [OrthancId(one) for one in piece.request[_RESOURCES]]
    for position in range(piece.position.get("done", 0), len(ids)):
        resource = archive.index.resource(ids[position])
        if resource is not None and not _delete(archive, resource, piece):
            return False
        piece.position["done"] = position + 1
        piece.checkpoint((position + 1) / len(ids))
    if _ANCESTORS in piece.request:
        piece.content["RemainingAncestor"] = _survivor(archive, piece.request[_ANCESTORS])
    return True


def _delete(archive: Archive, resource: Resource, piece: Slice) -> bool:
    """Delete a resource; False when there is no time for all of it."""
    if _DELETION not in piece.position:
        piece.position[_DELETION] = begin_deletion(archive, resource)
        piece.checkpoint()
    deletion = piece.position[_DELETION]
    if not continue_deletion(archive, resource, deletion, piece.has_time):
        return False
    del piece.position[_DELETION]
    return True


def _survivor(archive: Archive, ancestors: Iterable[OrthancId]) -> dict[str, str] | None:
    for orthanc_id in ancestors:
        resource = archive.index.resource(orthanc_id)
        if resource is not None:
            return {
                "ID": resource.orthanc_id,
                "Path": f"/{resource.level.collection}/{resource.orthanc_id}",
                "Type": resource.level.value,
            }
    return None
