"""Undoing deletions, out of the journal and the versions the bucket keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from nephele.aws import clock, keys
from nephele.aws.index import deletions
from nephele.aws.index import keys as index_keys
from nephele.aws.index.user_state import LABELS_AT_ONCE, Decide, change_user_state
from nephele.aws.journal import DELETION
from nephele.aws.keys import FINAL, AttachmentKey, InstanceKey
from nephele.domain.deletions import Deletion
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.domain.user_state import UserState, decode_state
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.hierarchy import in_parallel
from nephele.services.index_objects import index_objects
from nephele.services.journal import keep_changed

RESTORED = "restored"
"""Name of the journal's object that says that a deletion was undone."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one object of the journal says of a deletion.

    Attributes
    ----------
    instances : tuple
        Id and served reception of each instance.
    states : mapping
        What users kept, by the id of the resource.
    """

    instances: tuple[tuple[OrthancId, str], ...]
    states: Mapping[OrthancId, UserState]


def list_deletions(archive: Archive) -> list[Deletion]:
    """Return the deletions that can be undone, the oldest first."""
    return deletions.list_deletions(archive.index.table)


def require_deletion(archive: Archive, identifier: str) -> Deletion:
    """Return a deletion; UnknownResource if there is none, or it cannot be undone any more."""
    found = deletions.deletion(archive.index.table, identifier)
    if found is None:
        raise UnknownResource("There is no such deletion")
    return found


def part_names(archive: Archive, identifier: str) -> list[str]:
    """Return the keys of the journal's objects that tell of a deletion."""
    prefix = keys.deletion_key(identifier, "")
    names = [name for name, _ in archive.bucket.iter_objects(prefix)]
    return [name for name in names if is_part(name)]


def is_part(name: str) -> bool:
    """Tell whether an object of the journal tells of instances that were deleted."""
    return name.rpartition("/")[2] not in (RESTORED, DELETION)


def restore_part(archive: Archive, name: str) -> int:
    """Bring back what one object of the journal tells of; return how many instances came.

    A repetition finds done what was done. An instance that is there again, received anew, stays
    as it is, and what users keep at a resource that is there stays too.
    """
    part = read_part(archive, name)
    back = _restore_instances(archive, part.instances)
    for orthanc_id, state in part.states.items():
        _restore_state(archive, orthanc_id, state)
    return back


def finish_restore(archive: Archive, identifier: str) -> None:
    """Note that all of a deletion was undone."""
    document = {"Restored": clock.now()}
    archive.bucket.put_json(keys.deletion_key(identifier, RESTORED), document)
    deletions.forget_deletion(archive.index.table, identifier)


def read_part(archive: Archive, name: str) -> Part:
    """Read an object of the journal that tells of a deletion."""
    document: dict[str, Any] = orjson.loads(archive.bucket.read(name))
    instances = ((OrthancId(one["ID"]), one["Served"]) for one in document["Instances"])
    states = {OrthancId(one): decode_state(state) for one, state in document["States"].items()}
    return Part(tuple(instances), states)


def _restore_instances(archive: Archive, instances: Sequence[tuple[OrthancId, str]]) -> int:
    """Let receptions that have ended go on, bring their objects back, and index them."""
    ended = [one for one in instances if _let_go_on(archive, *one)]
    names = [str(InstanceKey(FINAL, orthanc_id, uuid)) for orthanc_id, uuid in ended]
    in_parallel(archive.bucket.undelete, names)
    for error in index_objects(archive, names).values():
        raise error
    return len(names)


def _let_go_on(archive: Archive, orthanc_id: OrthancId, uuid: str) -> bool:
    """Take a reception out of those that have ended; tell whether it is to be indexed."""
    key = index_keys.resource(orthanc_id)
    values = {":ended": {"SS": [uuid]}, ":v": {"S": uuid}}
    table = archive.index.table
    if table.update_if(key, "DELETE d :ended", "attribute_exists(x) AND contains(d, :v)", values):
        return True
    row = table.get(key)  # a try before this one came so far
    return row is not None and "x" in row and uuid not in row.get("d", {}).get("SS", ())


def _restore_state(archive: Archive, orthanc_id: OrthancId, state: UserState) -> None:
    uuids = sorted(state.object_uuids)
    in_parallel(archive.bucket.undelete, [str(AttachmentKey(orthanc_id, one)) for one in uuids])
    labels = sorted(state.labels)
    first = replace(state, labels=frozenset(labels[:LABELS_AT_ONCE]))
    is_ours = False

    def begin(resource: Resource) -> UserState:
        nonlocal is_ours
        is_ours = resource.user.version == 0
        return first if is_ours else resource.user

    try:
        changed = change_user_state(archive.index, orthanc_id, begin)
        while is_ours and changed.state.labels < state.labels:
            changed = change_user_state(archive.index, orthanc_id, _more_labels(state))
    except UnknownResource:
        return  # what was beneath it is not back: nothing to restore it by
    if is_ours:
        keep_changed(archive, changed)


def _more_labels(state: UserState) -> Decide:
    def decide(resource: Resource) -> UserState:
        missing = sorted(state.labels - resource.user.labels)[:LABELS_AT_ONCE]
        return replace(resource.user, labels=resource.user.labels.union(missing))

    return decide
