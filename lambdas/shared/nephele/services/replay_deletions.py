"""Rebuilding from the journal what was deleted, and what came back from that.

A reception may stand in several parts: deleted, brought back, deleted again; and in those of other
receptions of its instance, among what had ended before. So moments decide: it has ended where a
part that tells so has seen it later than the last undo of a part that brings it back began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from itertools import chain

from nephele.aws import journal, keys
from nephele.aws.index import codec
from nephele.aws.index import keys as index_keys
from nephele.aws.index.deletions import forget_deletion, put_deletion
from nephele.aws.index.ended import ended_among, put_tombstone
from nephele.aws.index.removal import remove_instances
from nephele.aws.keys import FINAL, InstanceKey
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.deletion_parts import (
    DONE,
    PARTLY,
    RESTORED,
    VOID,
    Buried,
    Part,
    folder_of,
    is_part,
    is_undone,
    mark_key,
    part_names,
    read_part,
    read_restored,
    read_still_served,
)
from nephele.services.replay import Each
from nephele.services.undelete import restore_instances

Parts = Mapping[str, Sequence[str]]
"""The parts whose undo brings a reception back, by its uuid."""


def replay_deletions(archive: Archive, each: Each) -> int:
    """Let what was deleted be so, and to be undone as long as before; return of how many."""
    names = [name for name, _ in archive.bucket.iter_objects(keys.DELETIONS)]
    whole = [name for name in names if name.endswith(f"/{journal.DELETION}")]
    for _ in each(lambda name: _replay_deletion(archive, name), whole):
        pass
    known = set(names)
    parts = [name for name in names if is_part(name)]
    undoing = _undoing(archive, each, parts)
    counted = [name for name in parts if known & {mark_key(name, DONE), mark_key(name, PARTLY)}]

    def replay(name: str) -> int:
        return _replay_part(archive, name, _still_served(archive, name, known), undoing)

    count = sum(each(replay, counted))
    _go_on_again(archive, each, undoing)
    return count


def _still_served(archive: Archive, name: str, known: Set[str]) -> frozenset[OrthancId]:
    """Return which instances of a part were not deleted: where it has no mark, none."""
    if mark_key(name, PARTLY) in known and mark_key(name, DONE) not in known:
        with suppress(UnknownResource):
            return read_still_served(archive.bucket, name)
    return frozenset()


def _read(archive: Archive, name: str) -> Part:
    """Read a part; one that was tidied away meanwhile told of nothing that has an object."""
    try:
        return read_part(archive.bucket, name)
    except UnknownResource:
        return Part("", (), ())


def _replay_deletion(archive: Archive, name: str) -> None:
    """List a deletion among those that can be undone, unless it was."""
    mark = mark_key(folder_of(name), RESTORED)
    if archive.bucket.exists(mark) or archive.bucket.exists(mark_key(folder_of(name), VOID)):
        return
    try:
        deletion = journal.read_deletion(archive.bucket, name)
    except UnknownResource:
        return  # it cannot be undone any more
    put_deletion(archive.index.table, deletion)
    if archive.bucket.exists(mark):  # it was undone at the same moment
        forget_deletion(archive.index.table, deletion.identifier)


def _undoing(archive: Archive, each: Each, names: Sequence[str]) -> Parts:
    def receptions(name: str) -> list[str]:
        instances = _read(archive, name).instances
        return [uuid for one in instances for uuid in one.brought_back]

    found: dict[str, list[str]] = defaultdict(list)
    for name, uuids in zip(names, each(receptions, names), strict=True):
        for uuid in uuids:
            found[uuid].append(name)
    return found


def _replay_part(
    archive: Archive, name: str, still_served: Collection[OrthancId], undoing: Parts
) -> int:
    """Bury what a part of a deletion tells of: what was deleted, and did not come back."""
    part = _read(archive, name)
    buried = [one for one in part.instances if one.orthanc_id not in still_served]
    uuids = (uuid for one in buried for uuid in one.all)
    restored = _restored(archive, undoing, uuids)
    count = 0
    for one in buried:
        ended = {
            uuid for uuid in one.all if not _is_back(part, name, undoing.get(uuid, ()), restored)
        }
        if ended:
            _bury(archive, one.orthanc_id, sorted(ended))
            count += 1
    return count


def _go_on_again(archive: Archive, each: Each, undoing: Parts) -> None:
    """Let receptions go on that were buried while somebody undid their deletion.

    That may have been in a run that ended since. So every run looks at all that was undone.
    """
    known = _names(archive)
    undone = [
        name
        for name in filter(is_part, known)
        if known & {mark_key(name, RESTORED), mark_key(folder_of(name), RESTORED)}
    ]
    found = chain.from_iterable(each(lambda name: _buried(archive, name), undone))
    buried = {one.served: one for one in found}
    if not buried:
        return
    known = _names(archive)  # after their rows: what is deleted meanwhile has its part by now
    restored = _restored(archive, undoing, buried)

    def ended(name: str) -> set[str]:
        """Return which of them a part tells of that was not undone since."""
        part, still = _read(archive, name), _still_served(archive, name, known)
        told = {uuid for one in part.instances if one.orthanc_id not in still for uuid in one.all}
        return {
            uuid
            for uuid in told & buried.keys()
            if not _is_back(part, name, undoing.get(uuid, ()), restored)
        }

    gone = set(chain.from_iterable(each(ended, filter(is_part, known))))
    restore_instances(archive, [one for uuid, one in buried.items() if uuid not in gone])


def _names(archive: Archive) -> set[str]:
    return {name for name, _ in archive.bucket.iter_objects(keys.DELETIONS)}


def _buried(archive: Archive, name: str) -> list[Buried]:
    """Return those instances of a part that count as deleted, of the reception it tells of."""
    table, instances = archive.index.table, _read(archive, name).instances
    rows = archive.index.rows(one.orthanc_id for one in instances)
    tombstones = {orthanc_id: row for orthanc_id, row in rows.items() if codec.is_deleted(row)}
    served = [InstanceKey(FINAL, one.orthanc_id, one.served) for one in instances]
    ended = ended_among(table, tombstones, served)
    return [one for one in instances if one.served in ended]


def _restored(archive: Archive, undoing: Parts, uuids: Iterable[str]) -> dict[str, str]:
    """Return when undoing the parts of some receptions began, as the bucket says now."""
    names = sorted({name for uuid in uuids for name in undoing.get(uuid, ())})
    marks = ((name, read_restored(archive.bucket, name)) for name in names)
    return {name: moment for name, moment in marks if moment is not None}


def _is_back(part: Part, name: str, undoing: Sequence[str], restored: Mapping[str, str]) -> bool:
    """Tell whether a reception was brought back after a part of a deletion has seen it.

    In doubt it was: what is served is worth more than that something deleted stays away.
    """
    return any(
        other == name or restored[other] >= part.seen for other in undoing if other in restored
    )


def _bury(archive: Archive, orthanc_id: OrthancId, uuids: Sequence[str]) -> None:
    """Let receptions count as ended, also where an index from before the deletion serves one."""
    table = archive.index.table
    if put_tombstone(table, orthanc_id, uuids):
        return
    row = table.get(index_keys.resource(orthanc_id))
    if row is not None and not codec.is_deleted(row) and row["v"]["S"] in uuids:
        remove_instances(archive.index, {orthanc_id: row["v"]["S"]})
        put_tombstone(table, orthanc_id, uuids)


def replay_restores(archive: Archive, each: Each) -> None:
    """Let what was brought back be as recent as when that was done."""
    names = (name for name, _ in archive.bucket.iter_objects(keys.DELETIONS))
    restored = (name for name in names if is_undone(name))
    for _ in each(lambda name: _replay_restore(archive, name), restored):
        pass


def _replay_restore(archive: Archive, name: str) -> None:
    try:
        when = archive.bucket.read_json(name).get("Restored", "")
    except UnknownResource:
        return  # what it was about is gone
    for part in part_names(archive.bucket, name.split("/")[-2]):
        ids = [one.orthanc_id for one in _read(archive, part).instances]
        there = archive.index.resources(ids).values()
        for above in {parent for one in there for parent in one.ancestors.values()}:
            values = {":c": codec.text(when)}
            key = index_keys.resource(above)
            archive.index.table.update(key, "SET c = :c, u = :c", "c < :c", values)
