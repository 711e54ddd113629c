"""Rebuilding from the journal what the objects of the archive do not tell.

Tombstones come first, so that indexing the objects brings nothing back; then what users keep, for
the resources are there; the order of recycling last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from nephele.aws import keys
from nephele.aws.index import capacity, definitions, exports, overrides, tombstones
from nephele.aws.index.user_state import LABELS_AT_ONCE, change_user_state
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.domain.user_state import UserState, decode_state
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.hierarchy import descendants, resources_in_order
from nephele.services.undelete import iter_tombstones


@dataclass(frozen=True, slots=True)
class Replayed:
    """How much was rebuilt."""

    tombstones: int
    states: int
    options: int
    exports: int


def replay(archive: Archive, index_objects: Callable[[], object]) -> Replayed:
    """Rebuild everything; whatever is there already stays.

    Parameters
    ----------
    index_objects : callable
        Indexes all objects of the bucket.
    """
    ended = replay_tombstones(archive)
    index_objects()
    states = replay_states(archive)
    replay_recycling(archive)
    return Replayed(ended, states, replay_options(archive), replay_exports(archive))


def replay_tombstones(archive: Archive) -> int:
    """Let receptions that were deleted count as ended; return of how many instances."""
    count = 0
    for orthanc_id, uuids in iter_tombstones(archive):
        tombstones.put_tombstone(archive.index.table, orthanc_id, uuids)
        count += 1
    return count


def replay_states(archive: Archive) -> int:
    """Give resources back what users kept there; return to how many."""
    return sum(_replay_state(archive, *one) for one in _iter_last_states(archive))


def _iter_last_states(archive: Archive) -> Iterator[tuple[OrthancId, UserState]]:
    """Yield the last state of each resource: keys are in the order of ids, then of versions."""
    last = ""
    for name, _ in archive.bucket.iter_objects(keys.STATES):
        if last and _owner(last) != _owner(name):
            yield _read_state(archive, last)
        last = name
    if last:
        yield _read_state(archive, last)


def _owner(name: str) -> str:
    return name.split("/")[-2]


def _read_state(archive: Archive, name: str) -> tuple[OrthancId, UserState]:
    document = orjson.loads(archive.bucket.read(name))
    return OrthancId(_owner(name)), decode_state(document["State"])


def _replay_state(archive: Archive, orthanc_id: OrthancId, state: UserState) -> bool:
    labels = sorted(state.labels)
    is_ours = False

    def decide(resource: Resource) -> UserState:
        nonlocal is_ours
        is_ours = is_ours or resource.user.version == 0
        if not is_ours or (state.is_empty and not state.unprotected):
            return resource.user
        known = len(resource.user.labels)
        return replace(state, version=0, labels=frozenset(labels[: known + LABELS_AT_ONCE]))

    try:
        changed = change_user_state(archive.index, orthanc_id, decide, is_logged=False)
        while is_ours and changed.state.labels < state.labels:
            changed = change_user_state(archive.index, orthanc_id, decide, is_logged=False)
    except UnknownResource:
        return False
    return is_ours


def replay_recycling(archive: Archive) -> None:
    """Put the patients into the order of their last receptions, or ends of protection."""
    for patient_id in archive.index.iter_level(Level.PATIENT):
        patient = archive.index.resource(patient_id)
        if patient is None:
            continue
        ids = descendants(archive, patient, Level.INSTANCE)
        received = [
            one.file.provenance.received
            for one in resources_in_order(archive, ids)
            if one.file is not None
        ]
        order = max([*received, patient.user.unprotected])
        capacity.place_patient(archive.index.table, patient_id, order)


def replay_options(archive: Archive) -> int:
    """Set options and named definitions as they were changed last; return how many changes."""
    table, count = archive.index.table, 0
    for document in _iter_documents(archive, keys.OPTIONS):
        overrides.put_override(table, document["Name"], document["Value"])
        count += 1
    for document in _iter_documents(archive, keys.DEFINITIONS):
        definitions.put_definition(table, document["Kind"], document["Name"], document["Value"])
        count += 1
    return count


def replay_exports(archive: Archive) -> int:
    """Write the log of exports again, under its numbers; return how many."""
    names = [name for name, _ in archive.bucket.iter_objects(keys.EXPORTS)]
    cleared = [name for name in names if name.endswith("-cleared")]
    first = cleared[-1].removesuffix("-cleared") if cleared else ""
    numbers = [name for name in names if name > first and not name.endswith("-cleared")]
    for name in numbers:
        document = orjson.loads(archive.bucket.read(name))
        number = int(name.rpartition("/")[2])
        exports.put_numbered(archive.index.table, number, document["Export"])
    if names:
        last = int(names[-1].removesuffix("-cleared").rpartition("/")[2])
        exports.set_last(archive.index.table, last)
    return len(numbers)


def _iter_documents(archive: Archive, prefix: str) -> Iterator[dict[str, Any]]:
    for name, _ in archive.bucket.iter_objects(prefix):
        yield orjson.loads(archive.bucket.read(name))
