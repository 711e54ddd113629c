"""Rebuilding from the journal what the objects of the archive do not tell.

Tombstones come first (`replay_deletions`), so that indexing the objects brings nothing back; what
users keep comes last, for the resources are there. What is in the index already and is later stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from nephele.aws import keys
from nephele.aws.index import definitions, exports, overrides
from nephele.aws.index.user_state import LABELS_AT_ONCE, change_user_state
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.domain.user_state import UserState, decode_state
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.definitions import replay_definition
from nephele.services.deletion_parts import folder_of
from nephele.services.worklists import replay_worklist

Item = TypeVar("Item")
Result = TypeVar("Result")


class Each(Protocol):
    """Calls a function for each item, many at a time; results keep the order of the items."""

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterator[Result]:
        """Yield the results."""


def replay_states(archive: Archive, each: Each) -> int:
    """Give resources back what users kept there; return to how many."""
    return sum(each(lambda name: _replay_state(archive, name), _iter_last_states(archive)))


def _iter_last_states(archive: Archive) -> Iterator[str]:
    """Yield the last state of each resource: keys are in the order of ids, then of versions."""
    last = ""
    for name, _ in archive.bucket.iter_objects(keys.STATES):
        if last and folder_of(last) != folder_of(name):
            yield last
        last = name
    if last:
        yield last


def _replay_state(archive: Archive, name: str) -> bool:
    """Give a resource its state back, fifty labels at a time; tell whether anything was to do.

    Until it has all of them its version is one before: so a try after a crash goes on with it, and
    what a user changed since is left alone.
    """
    document = _read_last_state(archive, name)
    if document is None or "Ended" in document:
        return False
    state = decode_state(document["State"])
    has_changed = False

    def decide(resource: Resource) -> UserState:
        nonlocal has_changed
        known = resource.user
        if known.version >= state.version:
            return known
        has_changed = True
        missing = sorted(state.labels - known.labels)
        if len(missing) <= LABELS_AT_ONCE:
            return state
        labels = known.labels.union(missing[:LABELS_AT_ONCE])
        return replace(state, version=state.version - 1, labels=labels)

    orthanc_id = OrthancId(name.split("/")[-2])
    try:
        while (
            change_user_state(archive.index, orthanc_id, decide, is_replayed=True).state.version
            < state.version
        ):
            pass
    except UnknownResource:
        return False
    return has_changed


def _read_last_state(archive: Archive, name: str) -> dict[str, Any] | None:
    """Read a state, or the one that took its place since; None where the resource is gone."""
    while True:
        with suppress(UnknownResource):
            found: dict[str, Any] = archive.bucket.read_json(name)
            return found
        names = [later for later, _ in archive.bucket.iter_objects(f"{folder_of(name)}/")]
        if not names:
            return None
        name = names[-1]


def replay_options(archive: Archive) -> int:
    """Set options as they were changed last; return how many changes."""
    table, count = archive.index.table, 0
    for document in _documents(archive, keys.OPTIONS, map):
        overrides.put_override(table, document["Name"], document["Value"])
        count += 1
    return count


def replay_definitions(archive: Archive, each: Each) -> int:
    """Keep named definitions and worklists as they were changed last; return how many there are."""
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for document in _documents(archive, keys.DEFINITIONS, each):
        known = last.get((document["Kind"], document["Name"]), {})
        if document["Version"] > known.get("Version", 0):
            last[document["Kind"], document["Name"]] = document
    for document in last.values():
        _replay_definition(archive, document)
    return len(last)


def _replay_definition(archive: Archive, document: dict[str, Any]) -> None:
    kind, name, value = document["Kind"], document["Name"], document["Value"]
    if kind != definitions.WORKLISTS:
        replay_definition(archive, kind, name, value, document["Version"])
    elif value is not None:
        replay_worklist(archive, name, value, document["Version"])


def replay_exports(archive: Archive) -> int:
    """Write the log of exports again, under its numbers; return how many."""
    names = [name for name, _ in archive.bucket.iter_objects(keys.EXPORTS)]
    cleared = max(filter(keys.is_cleared_exports, names), default="")
    numbers = [name for name in names if name > cleared and not keys.is_cleared_exports(name)]
    for name in numbers:
        with suppress(UnknownResource):  # the log is cleared at this moment
            document = archive.bucket.read_json(name)
            number = int(name.rpartition("/")[2])
            exports.put_numbered(archive.index.table, number, document["Export"])
    if names:
        last = int(names[-1].removesuffix("-cleared").rpartition("/")[2])
        exports.set_last(archive.index.table, last)
    return len(numbers)


def _documents(archive: Archive, prefix: str, each: Each) -> list[dict[str, Any]]:
    """Read all documents in their order, all again where one was superseded meanwhile."""

    def read(name: str) -> dict[str, Any] | None:
        with suppress(UnknownResource):
            found: dict[str, Any] = archive.bucket.read_json(name)
            return found
        return None

    while True:
        names = [name for name, _ in archive.bucket.iter_objects(prefix)]
        documents = [one for one in each(read, names) if one is not None]
        if len(documents) == len(names):
            return documents
