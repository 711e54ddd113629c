"""Changing what users keep at resources, with the journal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from nephele.aws import journal
from nephele.aws.index.user_state import Changed, Decide, ask_to_purge, change_user_state
from nephele.aws.keys import AttachmentKey
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import AnswerTooLarge, BadRevision, UnknownResource
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


@contextmanager
def purged_if_refused(
    archive: Archive, orthanc_id: OrthancId, uuids: Collection[str]
) -> Iterator[None]:
    """Have objects removed that were written for a resource, which does not take them.

    At any other error it is unknown whether it has.

    Parameters
    ----------
    uuids : collection of str
        Of the objects; those that are there at the end count.
    """
    try:
        yield
    except (UnknownResource, BadRevision, AnswerTooLarge):
        ask_to_purge(archive.index, [str(AttachmentKey(orthanc_id, uuid)) for uuid in uuids])
        raise


def keep_changed(archive: Archive, changed: Changed) -> None:
    """Write what users keep at a resource now to the journal."""
    resource = changed.resource
    journal.keep_state(archive.bucket, resource.level, resource.orthanc_id, changed.state)
