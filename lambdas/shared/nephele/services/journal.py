"""Changing what users keep at resources, with the journal."""

from __future__ import annotations

from nephele.aws import journal
from nephele.aws.index.user_state import Changed, Decide, change_user_state
from nephele.domain.orthanc_id import OrthancId
from nephele.services.archive import Archive


def change_kept(archive: Archive, orthanc_id: OrthancId, decide: Decide) -> Changed:
    """Change what users keep at a resource; the journal has it when this returns.

    Raises
    ------
    UnknownResource
        There is no such resource.
    """
    changed = change_user_state(archive.index, orthanc_id, decide)
    if changed.state != changed.resource.user:
        keep_changed(archive, changed)
    return changed


def keep_changed(archive: Archive, changed: Changed) -> None:
    """Write what users keep at a resource now to the journal."""
    resource = changed.resource
    journal.keep_state(archive.bucket, resource.level, resource.orthanc_id, changed.state)
