"""The items of the transaction that commits receptions of one series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import codec, contents, ended, items, keys, originals
from nephele.aws.index.entries import Entry, Outcome, SameContent
from nephele.aws.index.hanging import child, hang
from nephele.aws.index.plan_parents import PARENTS, ParentItems
from nephele.aws.index.table import TRANSACTION_ITEMS, Row
from nephele.aws.tracing import traces_of
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change, ChangeType, StoredFile, Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

ITEMS_PER_INSTANCE = 4
_ITEMS_FOR_PARENTS = 15
ENTRIES_PER_TRANSACTION = (TRANSACTION_ITEMS - _ITEMS_FOR_PARENTS) // ITEMS_PER_INSTANCE


class Plan:
    """The items of one transaction, gathered entry by entry."""

    def __init__(
        self,
        table: str,
        is_same_content: SameContent,
        rows: dict[OrthancId, Row],
        parents: dict[Level, OrthancId],
        now: str,
        *,
        is_rebuilding: bool = False,
    ) -> None:
        self._table = table
        self._is_same_content = is_same_content
        self._rows = rows
        self._parents = parents
        self._now = now
        self._is_rebuilding = is_rebuilding
        self._items: list[Item] = []
        self._changes: list[Change] = []
        self._purge: list[str] = []
        self._traces: list[str] = []
        self._instances = 0
        self._size_bytes = 0
        self._saved_bytes = 0

    @property
    def has_work(self) -> bool:
        """Tell whether there is anything to write."""
        return bool(self._items)

    def add(self, entry: Entry, outcome: Outcome) -> None:
        """Add what an outcome asks for."""
        if not self._is_rebuilding:
            self._traces += traces_of([entry.file.uuid])
        if outcome is Outcome.ADDED:
            self._add_instance(entry)
        elif outcome is Outcome.REPLACED:
            self._replace_instance(entry, self._rows[entry.orthanc_id])
        elif outcome is Outcome.LOST:
            self._lose(entry, self._rows[entry.orthanc_id])

    def _add_instance(self, entry: Entry) -> None:
        orthanc_id = entry.orthanc_id
        tombstone = self._rows.get(orthanc_id)
        if tombstone is None:
            update = self._write_instance(entry, "attribute_not_exists(pk)")
        else:
            unchanged, values = ended.unchanged(tombstone)
            condition = f"attribute_exists(x) AND NOT contains(d, :v) AND {unchanged}"
            update = self._write_instance(entry, condition, values)
        self._items.append(update)
        self._items += hang(self._table, Level.INSTANCE, orthanc_id, entry.header)
        original = originals.original_row(entry.file.provenance, orthanc_id)
        if original is not None:
            self._items.append(items.put(self._table, original))
        self._instances += 1
        self._size_bytes += entry.file.size_bytes
        self._saved_bytes += entry.file.saved_bytes
        self._change(orthanc_id)

    def _replace_instance(self, entry: Entry, row: Row) -> None:
        old = codec.read_file(row)
        is_same = self._is_same_content(old, entry.file)
        is_overwriting = entry.file.reception > old.reception
        adding, values = self._end(row, old, is_same=is_same)
        self._items.append(
            self._write_instance(
                entry,
                "v = :old AND attribute_not_exists(x)",
                {":old": codec.text(old.uuid), **values},
                adding,
            )
        )
        self._items.append(child(self._table, Level.INSTANCE, entry.orthanc_id, entry.header))
        self._size_bytes += entry.file.size_bytes - old.size_bytes
        self._saved_bytes += entry.file.saved_bytes - old.saved_bytes
        if is_overwriting or not is_same:
            self._change(entry.orthanc_id)

    def _lose(self, entry: Entry, row: Row) -> None:
        winner = codec.read_file(row)
        is_same = self._is_same_content(entry.file, winner)
        adding, values = self._end(row, entry.file, is_same=is_same)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": keys.resource(entry.orthanc_id),
            "UpdateExpression": adding,
            "ConditionExpression": "v = :v AND attribute_not_exists(x)",
            "ExpressionAttributeValues": {":v": codec.text(winner.uuid), **values},
        }
        self._items.append({"Update": update})  # type: ignore[typeddict-item]

    def _end(self, row: Row, loser: StoredFile, *, is_same: bool) -> tuple[str, dict[str, Any]]:
        """Keep a loser aside if it differs, else have it removed.

        Return how its instance's row remembers it: what the update adds, and its values.
        """
        added, values, spilled = ended.end(self._table, row, loser.uuid, is_aside=not is_same)
        self._items += spilled
        if is_same:
            self._purge.append(loser.key)
        else:
            self._keep_aside(OrthancId(row["pk"]["S"]), loser)
        return f"ADD {added}", values

    def _keep_aside(self, orthanc_id: OrthancId, loser: StoredFile) -> None:
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
        attributes = contents.instance_attributes(entry)
        removed = ", ".join(
            name for name in ("x", "zc", "hc", "hd", "rv") if name not in attributes
        )
        names = ", ".join(f"#{name} = :{name}" for name in attributes)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": keys.resource(entry.orthanc_id),
            "UpdateExpression": f"SET {names} REMOVE {removed} {more}",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
            "ExpressionAttributeValues": {f":{name}": v for name, v in attributes.items()}
            | (values or {}),
        }
        return {"Update": update}  # type: ignore[typeddict-item]

    def _change(self, orthanc_id: OrthancId) -> None:
        level = Level.INSTANCE
        when = clock.to_seconds(self._now)
        self._changes.append(Change(ChangeType.NEW_INSTANCE, level, orthanc_id, when))

    def items(self, first: Entry) -> list[Item]:
        """Return the whole transaction; parents, counters and the outbox row come last."""
        new_parents = self._add_parents(first) if self._changes else []
        if self._is_rebuilding:
            self._items += self._outbox([], [], clock.now()) if self._purge else []
            return self._items
        touched = [(level, self._parents[level]) for level in PARENTS] if self._changes else []
        # parents stand right behind the first instance, as in Orthanc
        changes = [*self._changes[:1], *new_parents, *self._changes[1:]]
        self._items += self._outbox(changes, touched, self._now)
        return self._items

    def _outbox(
        self, changes: list[Change], touched: list[tuple[Level, OrthancId]], now: str
    ) -> list[Item]:
        uuid = clock.new_uuid()
        return [
            items.pending(
                self._table, now, uuid, changes, touched, self._purge, traces=self._traces
            )
        ]

    def _add_parents(self, first: Entry) -> list[Change]:
        """Add what becomes of the parents; return the changes that tell of new ones."""
        beneath = Totals(
            instances=self._instances,
            size_bytes=self._size_bytes,
            saved_bytes=self._saved_bytes,
        )
        above = ParentItems(
            self._table,
            self._rows,
            self._parents,
            self._now,
            beneath,
            is_rebuilding=self._is_rebuilding,
        )
        above.add(first)
        self._items += above.items
        if above.totals != Totals():
            self._items.append(items.count(self._table, above.totals))
        return above.changes
