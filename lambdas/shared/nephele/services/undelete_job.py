"""Undoing a deletion as a job: one object of the journal after the other."""

from __future__ import annotations

from nephele.aws.index.tombstones import is_burying
from nephele.domain.jobs import Job
from nephele.errors import Conflict, UnknownResource
from nephele.services.archive import Archive
from nephele.services.deletion_parts import part_names, whole_key
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import JobOptions, submit
from nephele.services.undelete import (
    finish_restore,
    is_finished,
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
    Conflict
        It is under way.
    """
    deletion = require_deletion(archive, identifier)
    _require_end(archive, identifier)
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
        It cannot be undone any more; or all that the bucket has is back, which is not everything.
    Conflict
        The deletion goes on.
    """
    deletion = piece.request[_DELETION]
    if is_finished(archive, deletion):
        return True  # a try before has died behind it
    _require_journal(archive, piece, deletion)
    _require_end(archive, deletion)
    names = part_names(archive.bucket, deletion)
    if piece.position.get("parts") != len(names):  # it went on meanwhile
        piece.position.update(parts=len(names), done=0, lost=0)
        piece.content["InstancesCount"] = 0
    for position in range(piece.position["done"], len(names)):
        if not piece.has_time():
            return False
        restored = restore_part(archive, names[position])
        piece.content["InstancesCount"] += restored.instances
        piece.position["lost"] += restored.lost
        piece.position["done"] = position + 1
        piece.checkpoint((position + 1) / len(names))
    if lost := piece.position["lost"]:
        raise UnknownResource(f"{lost} objects of this deletion are gone for good")
    _require_end(archive, deletion)
    if part_names(archive.bucket, deletion) != names:
        raise Conflict("This deletion went on while it was undone")
    finish_restore(archive, deletion)
    return True


def _require_end(archive: Archive, identifier: str) -> None:
    """Refuse to undo what is still being deleted: the rest could not be undone any more."""
    if is_burying(archive.index.table, whole_key(identifier)):
        raise Conflict(
            "This deletion is still under way: it can be undone when it has ended, or, where it"
            " was interrupted, when the reconciler has looked at it, within half an hour"
        )


def _require_journal(archive: Archive, piece: Slice, identifier: str) -> None:
    """Refuse to begin what has expired, and to go on with what the journal tells no more."""
    if "parts" not in piece.position:
        require_deletion(archive, identifier)
    elif not archive.bucket.exists(whole_key(identifier)):
        raise UnknownResource("The undo has taken too long: the journal tells no more of it")
