"""Undoing a deletion as a job: one object of the journal after the other."""

from __future__ import annotations

from nephele.domain.jobs import Job
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.deletion_parts import part_names
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import JobOptions, submit
from nephele.services.undelete import (
    finish_restore,
    require_deletion,
    restore_part,
)

RESTORE = "RestoreDeleted"
"""The type of these jobs: Nephele's own."""
_DELETION = "Deletion"


def submit_restore(archive: Archive, identifier: str, options: JobOptions) -> Job:
    """Submit a job that brings back what was deleted.

    Raises
    ------
    UnknownResource
        There is no such deletion, or it cannot be undone any more.
    """
    deletion = require_deletion(archive, identifier)
    content: dict[str, object] = {
        "Description": "Restore",
        "ID": deletion.orthanc_id,
        "InstancesCount": 0,
        "Path": f"/{deletion.level.collection}/{deletion.orthanc_id}",
        "Type": deletion.level.value,
    }
    return submit(archive, RESTORE, {_DELETION: identifier}, options, content)


def run(archive: Archive, piece: Slice) -> bool:
    """Bring back what is not back yet; what is done again is found done.

    Raises
    ------
    UnknownResource
        All that the bucket has is back, and that is not everything.
    """
    deletion = piece.request[_DELETION]
    names = part_names(archive.bucket, deletion)
    for position in range(piece.position.get("done", 0), len(names)):
        if not piece.has_time():
            return False
        restored = restore_part(archive, names[position])
        piece.content["InstancesCount"] += restored.instances
        piece.position["lost"] = piece.position.get("lost", 0) + restored.lost
        piece.position["done"] = position + 1
        piece.checkpoint((position + 1) / len(names))
    if lost := piece.position.get("lost", 0):
        raise UnknownResource(f"{lost} objects of this deletion are gone for good")
    finish_restore(archive, deletion)
    return True
