"""Undoing deletions, out of the journal and the versions the bucket keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nephele.aws import keys
from nephele.aws.index import codec, deletions, ended
from nephele.aws.index import keys as index_keys
from nephele.aws.index.user_state import (
    LABELS_AT_ONCE,
    Changed,
    ask_to_purge,
    change_user_state,
)
from nephele.aws.keys import FINAL, AttachmentKey, InstanceKey
from nephele.domain.deletions import Deletion
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.domain.user_state import UserState
from nephele.errors import Unavailable, UnknownResource
from nephele.services.archive import Archive
from nephele.services.deletion_parts import RESTORED, Buried, mark_key, mark_restored, read_part
from nephele.services.hierarchy import in_parallel
from nephele.services.index_objects import index_objects, not_yet_indexed
from nephele.services.journal import keep_changed
from nephele.services.settle_deletions import still_served


@dataclass(frozen=True, slots=True)
class Restored:
    """How many instances came back, and how many objects S3 has no version of any more."""

    instances: int
    lost: int


def list_deletions(archive: Archive) -> list[Deletion]:
    """Return the deletions that can be undone, the oldest first."""
    return deletions.list_deletions(archive.index.table)


def require_deletion(archive: Archive, identifier: str) -> Deletion:
    """Return a deletion; UnknownResource if there is none, or it cannot be undone any more."""
    found = deletions.deletion(archive.index.table, identifier)
    if found is None:
        raise UnknownResource("There is no such deletion")
    return found


def restore_part(archive: Archive, name: str) -> Restored:
    """Bring back what one object of the journal tells of.

    A repetition finds done what was done. An instance that is there again, received anew, stays
    as it is, and what users keep at a resource that is there stays too.

    Raises
    ------
    Unavailable
        Something was removed again at the same moment: a repetition brings it back.
    """
    part = read_part(archive.bucket, name)
    still = still_served(archive, name)
    mark_restored(archive.bucket, name)
    gone_too = [one for one in part.instances if one.orthanc_id not in still]
    restored = restore_instances(archive, gone_too)
    gone = sum(_restore_state(archive, one.orthanc_id, one.user) for one in part.kept)
    return Restored(restored.instances, restored.lost + gone)


def finish_restore(archive: Archive, identifier: str) -> None:
    """Note that all of a deletion was undone."""
    mark_restored(archive.bucket, keys.DELETIONS + identifier)
    deletions.forget_deletion(archive.index.table, identifier)


def is_finished(archive: Archive, identifier: str) -> bool:
    """Tell whether all of a deletion was undone, and nothing of it has gone on since."""
    if deletions.deletion(archive.index.table, identifier) is not None:
        return False
    return archive.bucket.exists(mark_key(keys.DELETIONS + identifier, RESTORED))


def restore_instances(archive: Archive, instances: Sequence[Buried]) -> Restored:
    """Let receptions that have ended go on, bring their objects back, and index them.

    What a try before this one has brought back counts as well.
    Those that were kept aside come after the ones that were served: they lose again.
    """
    ours = [one for one in instances if _let_go_on(archive, one)]
    receptions = {one: [_key(one, uuid) for uuid in one.brought_back] for one in ours}
    gone = _undelete(archive, [key for found in receptions.values() for key in found])
    for one, (first, *others) in receptions.items():
        buried = [first, *others] if first in gone else [key for key in others if key in gone]
        if buried:
            uuids = [key.uuid for key in buried]
            ended.put_tombstone(archive.index.table, one.orthanc_id, uuids)
    there = [found for found in receptions.values() if found[0] not in gone]
    served = [first for first, *_ in there]
    aside = [key for _, *others in there for key in others if key not in gone]
    _index(archive, served)
    _index(archive, aside)
    return Restored(len(served), len(gone))


def _key(one: Buried, uuid: str) -> InstanceKey:
    return InstanceKey(FINAL, one.orthanc_id, uuid)


def _undelete(archive: Archive, receptions: Sequence[InstanceKey]) -> set[InstanceKey]:
    """Bring objects back; return those that S3 has no version of."""
    found = in_parallel(archive.bucket.undelete, [str(key) for key in receptions])
    return {key for key, is_back in zip(receptions, found, strict=True) if not is_back}


def _index(archive: Archive, receptions: Sequence[InstanceKey]) -> None:
    for error in index_objects(archive, [str(key) for key in receptions]).values():
        raise error
    if not_yet_indexed(archive, receptions):
        raise Unavailable("an object was removed while its deletion was undone")


def _let_go_on(archive: Archive, one: Buried) -> bool:
    """Take an instance's receptions out of those that have ended; tell whether it is to be indexed.

    That is so as well where a try before this one came so far, or further.
    """
    table = archive.index.table
    row = table.get(index_keys.resource(one.orthanc_id))
    if row is not None and codec.is_deleted(row):
        return ended.let_go_on(table, row, one.brought_back)
    return codec.is_served(row, one.served)


def _restore_state(archive: Archive, orthanc_id: OrthancId, state: UserState) -> int:
    """Give a resource back what users kept there; return how many objects of it are gone.

    Where users keep something else there by now nothing comes back: no object of it either.
    """
    resource = archive.index.resource(orthanc_id)
    if resource is None:
        return 0  # what was beneath it is not back: nothing to restore it by
    attached = [str(AttachmentKey(orthanc_id, one)) for one in sorted(state.object_uuids)]
    if not _is_begun(resource.user, state):
        ask_to_purge(archive.index, attached)  # a try before may have brought them back
        keep_changed(archive, Changed(resource, resource.user))
        return 0
    gone = in_parallel(archive.bucket.undelete, attached).count(False)
    changed = _give_back(archive, orthanc_id, state)
    if changed is None:
        ask_to_purge(archive.index, attached)
        return 0
    keep_changed(archive, changed)
    return gone


def _give_back(archive: Archive, orthanc_id: OrthancId, state: UserState) -> Changed | None:
    """Put a state into the index, fifty labels at a time; None where another one is there."""
    is_ours = True

    def go_on(resource: Resource) -> UserState:
        nonlocal is_ours
        known = resource.user
        is_ours = _is_begun(known, state)
        if not is_ours:
            return known
        labels = known.labels.union(_missing_labels(known, state)[:LABELS_AT_ONCE])
        return replace(state, labels=labels, version=known.version)

    try:
        changed = change_user_state(archive.index, orthanc_id, go_on)
        while is_ours and _missing_labels(changed.state, state):
            changed = change_user_state(archive.index, orthanc_id, go_on)
    except UnknownResource:
        return None
    return changed if is_ours else None


def _missing_labels(known: UserState, state: UserState) -> list[str]:
    """Return the labels that no try has put there, in the order in which tries do.

    What is missing before the last one that is there was removed since, and is not put back. Of
    that one itself nobody can tell.
    """
    if known.version and not known.labels:
        return []
    last = max(known.labels, default="")
    return sorted(one for one in state.labels if one > last)


def _is_begun(known: UserState, state: UserState) -> bool:
    """Tell whether users keep nothing yet, or what a try before has put there, labels at last."""
    if not known.version:
        return True
    return known.labels <= state.labels and known == replace(
        state, labels=known.labels, version=known.version
    )
