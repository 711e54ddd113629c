"""Committing received instances: one transaction for all that an answer depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import Index, codec, compress_header, items, keys
from nephele.aws.index.records import is_aside
from nephele.aws.index.table import TRANSACTION_ITEMS, Row, retry_when_changed
from nephele.domain.header import InstanceHeader
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change, ChangeType, StoredFile, Totals
from nephele.domain.versions import beats

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

_ITEMS_PER_INSTANCE = 4
_ITEMS_FOR_PARENTS = 14
ENTRIES_PER_TRANSACTION = (TRANSACTION_ITEMS - _ITEMS_FOR_PARENTS) // _ITEMS_PER_INSTANCE
_NEW = {
    Level.INSTANCE: ChangeType.NEW_INSTANCE,
    Level.SERIES: ChangeType.NEW_SERIES,
    Level.STUDY: ChangeType.NEW_STUDY,
    Level.PATIENT: ChangeType.NEW_PATIENT,
}
_PARENTS = (Level.SERIES, Level.STUDY, Level.PATIENT)
_COUNTED = {Level.PATIENT: "patients", Level.STUDY: "studies", Level.SERIES: "series"}


class Outcome(StrEnum):
    """What a commit did with a reception."""

    ADDED = "added"
    REPLACED = "replaced"
    """Another reception stood there and lost."""
    KNOWN = "known"
    """This very reception is in the index already."""
    LOST = "lost"
    """Another reception stands and keeps its place."""
    ENDED = "ended"
    """This reception was deleted, replaced or refused before; nothing brings it back."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A reception to be indexed."""

    header: InstanceHeader
    file: StoredFile

    @property
    def orthanc_id(self) -> OrthancId:
        """Return the instance's id."""
        return self.header.identity.orthanc_id(Level.INSTANCE)


SameContent = Callable[[StoredFile, StoredFile], bool]
"""Tells whether two receptions hold the same data set."""


@dataclass(frozen=True, slots=True)
class Committer:
    """Commits entries of one series; every method may be repeated without effect."""

    index: Index
    overwrite_instances: bool
    is_same_content: SameContent

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
        self.index.table.delete_all(
            [
                keys.header(entry.orthanc_id, entry.file.uuid)
                for entry in ended
                if not is_aside(self.index.table, entry.orthanc_id, entry.file.uuid)
            ]
        )

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
        return retry_when_changed(lambda: self._try_chunk(entries))

    def _try_chunk(self, entries: Sequence[Entry]) -> list[Outcome]:
        identity = entries[0].header.identity
        parents = {level: identity.orthanc_id(level) for level in _PARENTS}
        rows = self.index.rows([*parents.values(), *(entry.orthanc_id for entry in entries)])
        outcomes = [self._decide(entry, rows.get(entry.orthanc_id)) for entry in entries]
        plan = _Plan(self, rows, parents, clock.now())
        for entry, outcome in zip(entries, outcomes, strict=True):
            plan.add(entry, outcome)
        if plan.has_work:
            self.index.table.transact(plan.items(entries[0]))
        return outcomes

    def _decide(self, entry: Entry, row: Row | None) -> Outcome:
        if row is None:
            return Outcome.ADDED
        if codec.has_ended(row, entry.file.uuid):
            return Outcome.ENDED
        if codec.is_deleted(row):
            return Outcome.ADDED
        if row["v"]["S"] == entry.file.uuid:
            return Outcome.KNOWN
        wins = beats(
            entry.file.reception,
            codec.read_file(row).reception,
            overwrite_instances=self.overwrite_instances,
        )
        return Outcome.REPLACED if wins else Outcome.LOST


class _Plan:
    """The items of one transaction, gathered entry by entry."""

    def __init__(
        self,
        committer: Committer,
        rows: dict[OrthancId, Row],
        parents: dict[Level, OrthancId],
        now: str,
    ) -> None:
        self._committer = committer
        self._table = committer.index.table.name
        self._rows = rows
        self._parents = parents
        self._now = now
        self._items: list[Item] = []
        self._changes: list[Change] = []
        self._new_parents: list[Change] = []
        self._purge: list[str] = []
        self._instances = 0
        self._size_bytes = 0

    @property
    def has_work(self) -> bool:
        """Tell whether there is anything to write."""
        return bool(self._items)

    def add(self, entry: Entry, outcome: Outcome) -> None:
        """Add what an outcome asks for."""
        if outcome is Outcome.ADDED:
            self._add_instance(entry)
        elif outcome is Outcome.REPLACED:
            self._replace_instance(entry, self._rows[entry.orthanc_id])
        elif outcome is Outcome.LOST:
            self._lose(entry, self._rows[entry.orthanc_id])

    def _add_instance(self, entry: Entry) -> None:
        orthanc_id = entry.orthanc_id
        self._items.append(
            self._write_instance(
                entry,
                "attribute_not_exists(pk) OR (attribute_exists(x) AND NOT contains(d, :v))",
            )
        )
        self._hang(Level.INSTANCE, orthanc_id, entry.header)
        self._instances += 1
        self._size_bytes += entry.file.size_bytes
        self._change(Level.INSTANCE, orthanc_id)

    def _replace_instance(self, entry: Entry, row: Row) -> None:
        old = codec.read_file(row)
        self._items.append(
            self._write_instance(
                entry,
                "v = :old AND attribute_not_exists(x)",
                {":old": codec.text(old.uuid), ":ended": {"SS": [old.uuid]}},
                " ADD d :ended",
            )
        )
        self._items.append(self._child(Level.INSTANCE, entry.orthanc_id, entry.header))
        self._set_aside_or_purge(entry.orthanc_id, old, entry.file)
        self._size_bytes += entry.file.size_bytes - old.size_bytes
        self._change(Level.INSTANCE, entry.orthanc_id)

    def _lose(self, entry: Entry, row: Row) -> None:
        winner = codec.read_file(row)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": keys.resource(entry.orthanc_id),
            "UpdateExpression": "ADD d :ended",
            "ConditionExpression": "v = :v AND attribute_not_exists(x)",
            "ExpressionAttributeValues": {
                ":v": codec.text(winner.uuid),
                ":ended": {"SS": [entry.file.uuid]},
            },
        }
        self._items.append({"Update": update})  # type: ignore[typeddict-item]
        self._set_aside_or_purge(entry.orthanc_id, entry.file, winner)

    def _set_aside_or_purge(
        self, orthanc_id: OrthancId, loser: StoredFile, winner: StoredFile
    ) -> None:
        if self._committer.is_same_content(loser, winner):
            self._purge.append(loser.key)
            return
        row = {
            **keys.aside(orthanc_id, loser.uuid),
            "k": codec.text(loser.key),
            "r": codec.text(loser.provenance.received),
            "z": codec.number(loser.size_bytes),
            "h": codec.text(loser.md5),
            "m": codec.document({"RemoteAET": loser.provenance.remote_aet}),
        }
        self._items.append(items.put(self._table, row))

    def _write_instance(
        self,
        entry: Entry,
        condition: str,
        values: dict[str, Any] | None = None,
        more: str = "",
    ) -> Item:
        header = entry.header
        ids = [header.identity.orthanc_id(level) for level in ORDER[:-1]]
        attributes: dict[str, Any] = {
            "l": codec.text(Level.INSTANCE),
            "a": codec.pack_ids(ids),
            "t": codec.document(header.main_tags[Level.INSTANCE]),
            "m": codec.document(_instance_metadata(entry)),
            "v": codec.text(entry.file.uuid),
            "z": codec.number(entry.file.size_bytes),
            "h": codec.text(entry.file.md5),
            "r": codec.text(entry.file.provenance.received),
            **_hidden_lookups(Level.INSTANCE, entry.orthanc_id, header),
        }
        names = ", ".join(f"#{name} = :{name}" for name in attributes)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": keys.resource(entry.orthanc_id),
            "UpdateExpression": f"SET {names} REMOVE x{more}",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
            "ExpressionAttributeValues": {f":{name}": v for name, v in attributes.items()}
            | (values or {}),
        }
        return {"Update": update}  # type: ignore[typeddict-item]

    def _hang(self, level: Level, orthanc_id: OrthancId, header: InstanceHeader) -> None:
        """Add the rows a new resource is found by: under its parent, by identifier, in its list."""
        if level is not Level.PATIENT:
            self._items.append(self._child(level, orthanc_id, header))
        for key, value in items.identifier_keys(
            level, orthanc_id, header.main_tags[level], header.identity
        ):
            self._items.append(items.put(self._table, {**key, "o": codec.text(value)}))
        self._items.append(items.put(self._table, dict(keys.listed(level, orthanc_id))))

    def _child(self, level: Level, orthanc_id: OrthancId, header: InstanceHeader) -> Item:
        """Hang a resource under its parent; an instance brings its place in the series."""
        parent = header.identity.orthanc_id(ORDER[ORDER.index(level) - 1])
        child: Row = dict(keys.child(parent, orthanc_id))
        if level is Level.INSTANCE and header.index_in_series is not None:
            child["i"] = codec.text(header.index_in_series)
        return items.put(self._table, child)

    def _change(self, level: Level, orthanc_id: OrthancId) -> None:
        """Log a new resource; parents stand right behind the first instance, as in Orthanc."""
        change = Change(_NEW[level], level, orthanc_id, clock.to_seconds(self._now))
        if level is Level.INSTANCE:
            self._changes.append(change)
        else:
            self._new_parents.append(change)

    @property
    def _ordered_changes(self) -> list[Change]:
        return [*self._changes[:1], *self._new_parents, *self._changes[1:]]

    def items(self, first: Entry) -> list[Item]:
        """Return the whole transaction; parents, counters and the outbox row come last."""
        if self._changes:
            self._add_parents(first)
        touched = [(level, self._parents[level]) for level in _PARENTS] if self._changes else []
        self._items.append(
            items.pending(
                self._table,
                self._now,
                clock.new_uuid(),
                self._ordered_changes,
                touched,
                self._purge,
            )
        )
        return self._items

    def _add_parents(self, first: Entry) -> None:
        created: dict[str, int] = {}
        for level in _PARENTS:
            beneath = Totals(instances=self._instances, size_bytes=self._size_bytes, **created)
            orthanc_id = self._parents[level]
            if orthanc_id in self._rows:
                self._items.append(items.touch(self._table, orthanc_id, beneath, self._now))
            else:
                self._create_parent(level, orthanc_id, first, beneath)
                created[_COUNTED[level]] = 1
        everything = Totals(instances=self._instances, size_bytes=self._size_bytes, **created)
        if everything != Totals():
            self._items.append(items.count(self._table, everything))

    def _create_parent(
        self, level: Level, orthanc_id: OrthancId, first: Entry, beneath: Totals
    ) -> None:
        header = first.header
        above = [header.identity.orthanc_id(upper) for upper in ORDER[: ORDER.index(level)]]
        row: Row = {
            **keys.resource(orthanc_id),
            "l": codec.text(level),
            "t": codec.document(_shown_tags(level, header)),
            "m": codec.document(_series_metadata(first) if level is Level.SERIES else {}),
            "u": codec.text(self._now),
            "c": codec.text(self._now),
            "nt": codec.number(beneath.studies),
            "ns": codec.number(beneath.series),
            "ni": codec.number(beneath.instances),
            "z": codec.number(beneath.size_bytes),
            **_hidden_lookups(level, orthanc_id, header),
        }
        if above:
            row["a"] = codec.pack_ids(above)
        self._items.append(items.put(self._table, row, "attribute_not_exists(pk)"))
        self._hang(level, orthanc_id, header)
        self._change(level, orthanc_id)


def _shown_tags(level: Level, header: InstanceHeader) -> dict[str, str]:
    """Return a parent's main tags; a study has its own copy of its patient's, as in Orthanc."""
    own = header.main_tags[level]
    return header.main_tags[Level.PATIENT] | own if level is Level.STUDY else own


def _hidden_lookups(
    level: Level, orthanc_id: OrthancId, header: InstanceHeader
) -> dict[str, dict[str, str]]:
    """Return what a row must remember to find its look-up rows again: overlong identifiers."""
    main_tags = header.main_tags[level]
    shown = items.shown_identifier_keys(level, orthanc_id, main_tags)
    hidden = [
        key["pk"]["S"]
        for key, _ in items.identifier_keys(level, orthanc_id, main_tags, header.identity)
        if key not in shown
    ]
    return {"e": codec.document(hidden)} if hidden else {}


def _instance_metadata(entry: Entry) -> dict[str, str]:
    """Return the metadata of reception (dicom.md 1.5), under Orthanc's names."""
    provenance, header = entry.file.provenance, entry.header
    optional = {
        "IndexInSeries": header.index_in_series,
        "RemoteIP": provenance.remote_ip or None,
        "CalledAET": provenance.called_aet or None,
        "HttpUsername": provenance.http_username if provenance.origin == "RestApi" else None,
        "PixelDataOffset": header.pixel_data_offset,
        "PixelDataVR": header.pixel_data_vr,
    }
    return {
        "ReceptionDate": clock.to_seconds(provenance.received),
        "RemoteAET": provenance.remote_aet,
        "Origin": provenance.origin,
        "TransferSyntax": header.transfer_syntax_uid,
        "SopClassUid": header.sop_class_uid,
    } | {name: str(value) for name, value in optional.items() if value is not None}


def _series_metadata(first: Entry) -> dict[str, str]:
    expected = first.header.expected_number_of_instances
    metadata = {"RemoteAET": first.file.provenance.remote_aet}
    if expected is not None:
        metadata["ExpectedNumberOfInstances"] = str(expected)
    return metadata
