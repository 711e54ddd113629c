"""The journal's objects that tell of deletions part by part: what was to end, and how that went.

A part is written before anything is removed, and marked afterwards. A deletion may fail between the
two: then its part counts for nothing until the reconciler has compared it with the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nephele.aws import clock, journal, keys
from nephele.aws.bucket import Bucket
from nephele.aws.index import codec
from nephele.aws.index.ended import aside_uuids
from nephele.aws.index.table import Row, Table
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.domain.user_state import UserState, decode_state, encode_state
from nephele.errors import UnknownResource
from nephele.services.archive import Archive

DONE = "done"
"""Mark of a part of which everything was deleted."""
PARTLY = "partly"
"""Mark of a part of which something is still served; it says what."""
VOID = "void"
"""Mark of a deletion that ended before it had removed anything."""
TIDIED = "tidied"
"""Mark of a deletion as a whole that cannot be undone any more: only what has ended is told."""
RESTORED = "restored"
"""Mark of a part that is being, or was, undone; also of a deletion that was undone as a whole."""


@dataclass(frozen=True, slots=True)
class Buried:
    """An instance that was to be deleted, with the uuids of its receptions.

    Attributes
    ----------
    served : str
        The one that was served.
    aside, ended : tuple
        Those that were kept aside, and those that had ended before in any other way, as far as the
        instance's row named them: the others' objects were gone, or parts before this one tell.
    """

    orthanc_id: OrthancId
    served: str
    aside: tuple[str, ...]
    ended: tuple[str, ...]

    @property
    def brought_back(self) -> tuple[str, ...]:
        """The receptions that an undo lets go on."""
        return (self.served, *self.aside)

    @property
    def all(self) -> tuple[str, ...]:
        """The receptions that have ended with this deletion, or before."""
        return (*self.brought_back, *self.ended)


@dataclass(frozen=True, slots=True)
class Kept:
    """What users kept at a resource."""

    level: Level
    orthanc_id: OrthancId
    user: UserState


@dataclass(frozen=True, slots=True)
class Part:
    """What one object of the journal says of a deletion.

    Attributes
    ----------
    seen : str
        When it began to read the rows that it tells of; empty where an earlier release wrote it.
    """

    seen: str
    instances: tuple[Buried, ...]
    kept: tuple[Kept, ...]


def part_of(table: Table, seen: str, rows: Sequence[Row], above: Sequence[Row]) -> Part:
    """Return the part that tells of instances, with what users keep there and above."""
    kept = [codec.read_resource(row) for row in (*above, *rows) if "us" in row]
    return Part(seen, tuple(_buried(table, row) for row in rows), tuple(map(_kept, kept)))


def _buried(table: Table, row: Row) -> Buried:
    aside = aside_uuids(table, row)
    ended = [uuid for uuid in codec.ended_uuids(row) if uuid not in aside]
    return Buried(OrthancId(row["pk"]["S"]), row["v"]["S"], tuple(aside), tuple(ended))


def _kept(resource: Resource) -> Kept:
    return Kept(resource.level, resource.orthanc_id, resource.user)


def keep_part(bucket: Bucket, name: str, part: Part) -> None:
    """Write a part to the journal."""
    instances = [
        {"ID": one.orthanc_id, "Served": one.served, "Aside": one.aside, "Ended": one.ended}
        for one in part.instances
    ]
    states = [
        {"Level": one.level, "ID": one.orthanc_id, "State": encode_state(one.user)}
        for one in part.kept
    ]
    bucket.put_json(name, {"Seen": part.seen, "Instances": instances, "States": states})


def read_part(bucket: Bucket, name: str) -> Part:
    """Read what `keep_part` wrote."""
    document: dict[str, Any] = bucket.read_json(name)
    instances = (
        Buried(OrthancId(one["ID"]), one["Served"], tuple(one["Aside"]), tuple(one["Ended"]))
        for one in document["Instances"]
    )
    kept = (
        Kept(Level(one["Level"]), OrthancId(one["ID"]), decode_state(one["State"]))
        for one in document["States"]
    )
    return Part(document.get("Seen", ""), tuple(instances), tuple(kept))


def is_part(name: str) -> bool:
    """Tell whether an object of the journal is a part, and no mark of one."""
    last = _name_within(name)
    return "/" not in last and last not in (RESTORED, VOID, journal.DELETION)


def new_part_key(identifier: str, seen: str) -> str:
    """Return the key of a part that began to read its rows at a moment: later parts sort behind."""
    return keys.deletion_key(identifier, f"{seen}-{clock.new_uuid()}")


def part_names(bucket: Bucket, identifier: str) -> list[str]:
    """Return the keys of the journal's objects that tell of a deletion, the latest first.

    Where an instance was replaced while it was deleted, so the undo comes first to what was served
    last. Keys of an earlier release have no moment, and stand in any order.
    """
    prefix = keys.deletion_key(identifier, "")
    names = [name for name, _ in bucket.iter_objects(prefix) if is_part(name)]
    return sorted(names, reverse=True)


def whole_key(identifier: str) -> str:
    """Return the key of the journal's object that tells of a deletion as a whole."""
    return keys.deletion_key(identifier, journal.DELETION)


def is_undone(name: str) -> bool:
    """Tell whether an object of the journal says that a deletion was undone as a whole."""
    return _name_within(name) == RESTORED


def _name_within(name: str) -> str:
    return name.removeprefix(keys.DELETIONS).partition("/")[2]


def mark_key(name: str, mark: str) -> str:
    """Return the key of a part's mark."""
    return f"{name}/{mark}"


def mark(bucket: Bucket, name: str, how: str, still_served: Sequence[OrthancId] = ()) -> None:
    """Write how a part went."""
    bucket.put_json(mark_key(name, how), {"Served": still_served} if still_served else {})


def mark_restored(bucket: Bucket, name: str) -> None:
    """Write that a part, or a deletion as a whole, is undone, and when."""
    bucket.put_json(mark_key(name, RESTORED), {"Restored": clock.now()})


def read_restored(bucket: Bucket, name: str) -> str | None:
    """Return when the undo of a part began; None if there was none.

    Where an earlier release wrote the mark, it is a text that sorts before every moment, and behind
    that of a part which does not know its own.
    """
    for marked in (name, folder_of(name)):
        with suppress(UnknownResource):
            return str(bucket.read_json(mark_key(marked, RESTORED)).get("Restored", "0"))
    return None


def folder_of(name: str) -> str:
    """Return what the keys of a deletion begin with, of one of them."""
    return name.rpartition("/")[0]


def read_still_served(bucket: Bucket, name: str) -> frozenset[OrthancId]:
    """Return which instances of a part that is marked `PARTLY` were not deleted."""
    return frozenset(map(OrthancId, bucket.read_json(mark_key(name, PARTLY))["Served"]))


def end_states(archive: Archive, kept: Sequence[Kept]) -> None:
    """Let the journal know that what users kept has gone with its resources.

    A resource that was made again meanwhile has nothing yet, or something later.
    """
    there = archive.index.resources(one.orthanc_id for one in kept) if kept else {}
    for one in kept:
        now = there.get(one.orthanc_id)
        if now is None or now.user.version < one.user.version:
            ended = UserState(version=one.user.version + 1)
            journal.keep_state(archive.bucket, one.level, one.orthanc_id, ended, has_ended=True)
