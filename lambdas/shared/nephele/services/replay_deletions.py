"""Rebuilding from the journal what was deleted, and what came back from that.

A reception may stand in several parts: deleted, brought back, deleted again; and in those of other
receptions of its instance, among what had ended before. So moments decide: it has ended where a
part that tells so has seen it later than the last undo of a part that brings it back began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from nephele.aws import journal, keys
from nephele.aws.index import codec
from nephele.aws.index import keys as index_keys
from nephele.aws.index.deletions import forget_deletion, put_deletion
from nephele.aws.index.ended import put_tombstone
from nephele.aws.index.removal import remove_instances
from nephele.domain.orthanc_id import OrthancId
from nephele.services.archive import Archive
from nephele.services.deletion_parts import (
    DONE,
    PARTLY,
    RESTORED,
    Part,
    folder_of,
    is_part,
    is_undone,
    mark_key,
    read_part,
    read_restored,
    read_still_served,
)
from nephele.services.replay import Each
from nephele.services.undelete import part_names, restore_part

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
        still = () if mark_key(name, DONE) in known else read_still_served(archive.bucket, name)
        return _replay_part(archive, name, still, undoing)

    return sum(each(replay, counted))


def _replay_deletion(archive: Archive, name: str) -> None:
    """List a deletion among those that can be undone, unless it was."""
    mark = mark_key(folder_of(name), RESTORED)
    if archive.bucket.exists(mark):
        return
    deletion = journal.read_deletion(archive.bucket, name)
    put_deletion(archive.index.table, deletion)
    if archive.bucket.exists(mark):  # it was undone at the same moment
        forget_deletion(archive.index.table, deletion.identifier)


def _undoing(archive: Archive, each: Each, names: Sequence[str]) -> Parts:
    def receptions(name: str) -> list[str]:
        instances = read_part(archive.bucket, name).instances
        return [uuid for one in instances for uuid in one.brought_back]

    found: dict[str, list[str]] = defaultdict(list)
    for name, uuids in zip(names, each(receptions, names), strict=True):
        for uuid in uuids:
            found[uuid].append(name)
    return found


def _replay_part(
    archive: Archive, name: str, still_served: Collection[OrthancId], undoing: Parts
) -> int:
    """Bury what a part of a deletion tells of: what was deleted, and did not come back.

    Marks are read before and after: what is undone at the same moment is brought back once more.
    """
    part = read_part(archive.bucket, name)
    buried = [one for one in part.instances if one.orthanc_id not in still_served]
    others = sorted(
        {other for one in buried for uuid in one.all for other in undoing.get(uuid, ())}
    )
    restored = _restored(archive, others)
    count = 0
    for one in buried:
        ended = {
            uuid for uuid in one.all if not _is_back(part, name, undoing.get(uuid, ()), restored)
        }
        if ended:
            _bury(archive, one.orthanc_id, sorted(ended))
            count += 1
    for other, moment in _restored(archive, others).items():
        if restored.get(other) != moment:
            restore_part(archive, other)
    return count


def _restored(archive: Archive, names: Iterable[str]) -> dict[str, str]:
    """Return when undoing parts began, of those that were, as the bucket says now."""
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
    when = archive.bucket.read_json(name).get("Restored", "")
    for part in part_names(archive, name.split("/")[-2]):
        ids = [one.orthanc_id for one in read_part(archive.bucket, part).instances]
        there = archive.index.resources(ids).values()
        for above in {parent for one in there for parent in one.ancestors.values()}:
            values = {":c": codec.text(when)}
            key = index_keys.resource(above)
            archive.index.table.update(key, "SET c = :c, u = :c", "c < :c", values)
