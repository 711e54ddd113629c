"""Building the index anew from the bucket: its objects, and the journal of what they do not tell.

Receptions are indexed in their order, so that resources are what they were: who came first gives a
parent its main tags. Nothing is told as an event, forwarded or logged as a change. It may be done
again, or gone on with, at any time: what is in the index already stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from nephele.aws import journal, object_metadata
from nephele.aws.index import changes, codec
from nephele.aws.index.commit import Entry
from nephele.aws.keys import FINAL, InstanceKey, parse_instance_key
from nephele.batches import batched
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import NepheleError, UnknownResource
from nephele.services import replay, replay_deletions, stability
from nephele.services.archive import Archive
from nephele.services.index_objects import commit_entries, not_yet_indexed, read_entry

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[str, int, int], None]
"""Is told of a stage, how much of it is done, and how much there is."""

_FIRST_CHARACTERS = "0123456789abcdef"
"""Of ids: what the bucket is listed by, many at a time."""
_ROWS_AT_ONCE = 100
_WINDOW = 2_000
"""Receptions whose headers are held in memory together."""
_CHANGES_SKIPPED = 1_000_000
"""Numbers that may have been given to changes since the journal last noted one."""


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What was found and done.

    Attributes
    ----------
    objects, indexed : int
        Instances' objects in the bucket, and those of them that were not in the index.
    tombstones, states, definitions, options, exports : int
        What the journal brought.
    failures : dict
        Why an object could not be indexed, by its key.
    """

    objects: int
    indexed: int
    tombstones: int
    states: int
    definitions: int
    options: int
    exports: int
    failures: dict[str, NepheleError]


def reindex(archive: Archive, jobs: int, progress: Progress = lambda *_: None) -> Reindexed:
    """Build the index of an archive from its bucket, `jobs` requests at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        return _Reindexing(archive, pool, progress).run()


class _Reindexing:
    """One run."""

    def __init__(self, archive: Archive, pool: ThreadPoolExecutor, progress: Progress) -> None:
        self._archive = archive
        self._pool = pool
        self._progress = progress
        self._failures: dict[str, NepheleError] = {}

    def run(self) -> Reindexed:
        """Do all of it."""
        archive = self._archive
        changes.go_on_behind(
            archive.index.table, journal.last_change(archive.bucket), _CHANGES_SKIPPED
        )
        options = replay.replay_options(archive)
        definitions = replay.replay_definitions(archive, self._each)
        exports = replay.replay_exports(archive)
        tombstones = replay_deletions.replay_deletions(archive, self._each)
        keys = self._list_objects()
        missing = self._missing(keys)
        self._index(missing)
        replay_deletions.replay_restores(archive, self._each)
        states = replay.replay_states(archive, self._each)
        self._mark()
        return Reindexed(
            objects=len(keys),
            indexed=len(missing) - len(self._failures),
            tombstones=tombstones,
            states=states,
            definitions=definitions,
            options=options,
            exports=exports,
            failures=self._failures,
        )

    def _each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        for some in batched(items, _WINDOW):
            yield from self._pool.map(function, some)

    def _list_objects(self) -> set[str]:
        found: set[str] = set()
        for n, names in enumerate(self._each(self._list_prefix, _FIRST_CHARACTERS), 1):
            found.update(names)
            self._progress("Listing", n, len(_FIRST_CHARACTERS))
        return found

    def _list_prefix(self, character: str) -> list[str]:
        objects = self._archive.bucket.iter_objects(f"{FINAL}/{character}")
        return [name for name, _ in objects if parse_instance_key(name) is not None]

    def _missing(self, names: set[str]) -> list[InstanceKey]:
        """Return what the index does not know of, in the order of reception."""
        keys = [key for name in sorted(names) if (key := parse_instance_key(name)) is not None]
        batches = batched(keys, _ROWS_AT_ONCE)
        unknown = self._each(lambda some: not_yet_indexed(self._archive, some), batches)
        missing = list(chain.from_iterable(unknown))
        received: list[tuple[str, InstanceKey]] = []
        for found in self._each(self._received, missing):
            received += [found] if found is not None else []
            self._progress("Ordering", len(received), len(missing))
        return [key for _, key in sorted(received, key=lambda one: (one[0], one[1].uuid))]

    def _received(self, key: InstanceKey) -> tuple[str, InstanceKey] | None:
        try:
            head = self._archive.bucket.head(str(key))
        except UnknownResource:
            return None
        return object_metadata.decode_provenance(head.metadata).received, key

    def _index(self, keys: Sequence[InstanceKey]) -> None:
        done = 0
        for some in batched(keys, _WINDOW):
            by_patient: dict[OrthancId, list[Entry]] = defaultdict(list)
            read = self._pool.map(lambda key: read_entry(self._archive, key), some)
            for key, result in zip(some, read, strict=True):
                if isinstance(result, Entry):
                    by_patient[result.header.identity.orthanc_id(Level.PATIENT)].append(result)
                elif result is not None:
                    self._failures[str(key)] = result
            for failures in self._pool.map(self._commit, by_patient.values()):
                self._failures |= failures
            done += len(some)
            self._progress("Indexing", done, len(keys))

    def _commit(self, entries: Sequence[Entry]) -> dict[str, NepheleError]:
        """Index receptions of one patient, series by series in the order they began."""
        by_series: dict[OrthancId, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_series[entry.header.identity.orthanc_id(Level.SERIES)].append(entry)
        failures: dict[str, NepheleError] = {}
        for series in by_series.values():
            failures |= commit_entries(self._archive, series, is_rebuilding=True)
        return failures

    def _mark(self) -> None:
        """Let resources be stable, and series complete, that were so."""
        for level in (Level.PATIENT, Level.STUDY, Level.SERIES):
            ids = batched(self._archive.index.iter_level(level), _ROWS_AT_ONCE)
            for n, _ in enumerate(self._each(self._mark_some, ids), 1):
                self._progress("Marking", n * _ROWS_AT_ONCE, 0)

    def _mark_some(self, ids: Sequence[OrthancId]) -> None:
        for orthanc_id, row in self._archive.index.rows(ids).items():
            if "s" not in row:
                stability.settle_quietly(self._archive, orthanc_id, codec.read_text(row, "c"))
            is_series = row["l"]["S"] == Level.SERIES
            if is_series and "f" not in row:
                stability.complete_quietly(self._archive, orthanc_id)
