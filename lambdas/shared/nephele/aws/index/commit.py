"""Committing received instances: one transaction for all that an answer depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nephele.aws import clock
from nephele.aws.index import Index, codec, compress_header, ended, keys
from nephele.aws.index.entries import Entry, HasObject, Outcome, SameContent
from nephele.aws.index.plan import ENTRIES_PER_TRANSACTION, ITEMS_PER_INSTANCE, Plan
from nephele.aws.index.plan_parents import PARENTS
from nephele.aws.index.records import aside_among
from nephele.aws.index.table import TRANSACTION_ITEMS, Row, retry_when_changed
from nephele.aws.keys import FINAL, InstanceKey
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.versions import beats

__all__ = ["Committer", "Entry", "Outcome", "SameContent"]


@dataclass(frozen=True, slots=True)
class Committer:
    """Commits entries of one series; every method may be repeated without effect.

    Over a reception that ended, or one that loses, another is served only while its object is
    there: a row forgets the receptions whose objects were removed, and a commit of one may be late.

    Where an index is being rebuilt nothing is logged, forwarded or told as an event: that was
    done long ago. Receptions come in their order then, and resources take their times.
    """

    index: Index
    overwrite_instances: bool
    is_same_content: SameContent
    has_object: HasObject
    is_rebuilding: bool = False

    def commit(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Index receptions that all belong to one series, in order.

        Raises Conflict or Unavailable; then some may be indexed and a repetition does the rest.
        """
        self._put_headers(entries)
        outcomes: list[Outcome] = []
        for start in range(0, len(entries), ENTRIES_PER_TRANSACTION):
            chunk = entries[start : start + ENTRIES_PER_TRANSACTION]
            outcomes += self._commit_distinct(chunk)
        self._drop_headers(
            entry
            for entry, outcome in zip(entries, outcomes, strict=True)
            if outcome is Outcome.ENDED
        )
        return outcomes

    def _put_headers(self, entries: Sequence[Entry]) -> None:
        rows: dict[tuple[str, str], Row] = {}
        for entry in entries:
            packed = compress_header(entry.header.encoded)
            if packed is not None:
                row = keys.header(entry.orthanc_id, entry.file.uuid)
                rows[entry.orthanc_id, entry.file.uuid] = {**row, "b": {"B": packed}}
        self.index.table.put_all(list(rows.values()))

    def _drop_headers(self, ended: Iterable[Entry]) -> None:
        """Remove what `_put_headers` wrote again after the purge of a reception."""
        table, receptions = self.index.table, [(one.orthanc_id, one.file.uuid) for one in ended]
        aside = aside_among(table, receptions)
        table.delete_all([keys.header(*one) for one in receptions if one[1] not in aside])

    def _commit_distinct(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Commit; an instance received twice in one batch goes into a transaction of its own."""
        seen: set[OrthancId] = set()
        first: list[int] = []
        again: list[int] = []
        for position, entry in enumerate(entries):
            (again if entry.orthanc_id in seen else first).append(position)
            seen.add(entry.orthanc_id)
        outcomes = dict(zip(first, self._commit_chunk([entries[n] for n in first]), strict=True))
        for position in again:
            outcomes[position] = self._commit_chunk([entries[position]])[0]
        return [outcomes[position] for position in range(len(entries))]

    def _commit_chunk(self, entries: Sequence[Entry]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        while len(outcomes) < len(entries):
            rest = entries[len(outcomes) :]
            outcomes += retry_when_changed(lambda rest=rest: self._try_chunk(rest))  # type: ignore[misc]
        return outcomes

    def _try_chunk(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Commit as many of the first entries as fit into one transaction."""
        identity = entries[0].header.identity
        parents = {level: identity.orthanc_id(level) for level in PARENTS}
        rows = self.index.rows([*parents.values(), *(entry.orthanc_id for entry in entries)])
        gone = ended.ended_among(self.index.table, rows, map(_reception, entries))
        outcomes = [
            Outcome.ENDED
            if entry.file.uuid in gone
            else self._decide(entry, rows.get(entry.orthanc_id))
            for entry in entries
        ]
        plan = Plan(
            self.index.table.name,
            self.is_same_content,
            rows,
            parents,
            self._time_of(entries),
            is_rebuilding=self.is_rebuilding,
        )
        for entry, outcome in zip(entries, outcomes, strict=True):
            plan.add(entry, outcome)
        if plan.has_work:
            transaction = plan.items(entries[0])
            if len(transaction) > TRANSACTION_ITEMS and len(entries) > 1:
                return self._try_chunk(entries[: _fitting(len(entries), len(transaction))])
            self.index.table.transact(transaction)
        return outcomes

    def _time_of(self, entries: Sequence[Entry]) -> str:
        if not self.is_rebuilding:
            return clock.now()
        return max(entry.file.provenance.received for entry in entries) or clock.now()

    def _decide(self, entry: Entry, row: Row | None) -> Outcome:
        if row is None:
            return Outcome.ADDED
        if codec.is_deleted(row):
            return Outcome.ADDED if self.has_object(entry.file) else Outcome.ENDED
        if row["v"]["S"] == entry.file.uuid:
            return Outcome.KNOWN
        wins = beats(
            entry.file.reception,
            codec.read_file(row).reception,
            overwrite_instances=self.overwrite_instances,
        )
        if wins:
            return Outcome.REPLACED if self.has_object(entry.file) else Outcome.ENDED
        return Outcome.LOST


def _reception(entry: Entry) -> InstanceKey:
    return InstanceKey(FINAL, entry.orthanc_id, entry.file.uuid)


def _fitting(entries: int, items: int) -> int:
    """Return how many entries to try where new parents' search rows leave less room."""
    excess = items - TRANSACTION_ITEMS
    return max(1, entries - -(-excess // ITEMS_PER_INSTANCE))
