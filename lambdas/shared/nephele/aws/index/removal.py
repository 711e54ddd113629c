"""Deleting resources: tombstones first, objects later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import Index, codec, ended, items, keys, modalities, search_rows
from nephele.aws.index.table import (
    TRANSACTION_ITEMS,
    ConditionFailed,
    Row,
    Table,
    retry_when_changed,
)
from nephele.aws.index.user_state import attached_totals, strip_labels
from nephele.aws.keys import FINAL, AttachmentKey, InstanceKey
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource, Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

_ITEMS_PER_INSTANCE = 4
_ITEMS_FOR_PARENTS = 16
INSTANCES_PER_TRANSACTION = (TRANSACTION_ITEMS - _ITEMS_FOR_PARENTS) // _ITEMS_PER_INSTANCE
_KEYS_PER_ROW = 1_000
"""Objects to be purged that one outbox row names: some 100 KB."""
_MOST_KEYS = 10_000
"""Objects a transaction names: what is more than that, of one instance, the reconciler finds."""
_MOST_STATE_CHARACTERS = 1 << 20
"""Of what users keep, which a transaction repeats: DynamoDB's transactions have 4 MB."""
_BURIED = "t, m, a, z, h, r, v, e, y, us, za, zt, zc, hc, hd, rv"
"""Attributes a tombstone has no more."""
_BENEATH = {
    Level.SERIES: ("ni", "instances"),
    Level.STUDY: ("ns", "series"),
    Level.PATIENT: ("nt", "studies"),
}
"""The count that says whether a parent has become empty."""


Served = Mapping[OrthancId, str]
"""Uuids of the receptions that are served, by instance."""


def remove_instances(index: Index, served: Served) -> None:
    """Delete instances of one series, and each parent that becomes empty by it.

    An instance that is served by another reception by now stays. Each transaction leaves a
    consistent tree. What is deleted meanwhile by somebody else, or arrives meanwhile, does no harm.
    """
    instances = list(served)
    for start in range(0, len(instances), INSTANCES_PER_TRANSACTION):
        chunk = {one: served[one] for one in instances[start : start + INSTANCES_PER_TRANSACTION]}
        retry_when_changed(lambda chunk=chunk: _try_remove(index, chunk))  # type: ignore[misc]


def _try_remove(index: Index, served: Served) -> None:
    rows = [
        row
        for orthanc_id, row in index.rows(served).items()
        if codec.is_served(row, served[orthanc_id])
    ]
    if not rows:
        return
    resources = [codec.read_resource(row) for row in rows]
    parents = index.rows(resources[0].ancestors.values())
    if len(parents) < len(resources[0].ancestors):
        raise ConditionFailed(())  # somebody else removed them between the two reads
    removal = _Removal(index.table, parents)
    for row, resource in zip(rows, resources, strict=True):
        removal.bury(row, resource)
    if removal.is_small or len(resources) == 1:
        transaction = removal.items(resources[0])
        if len(transaction) <= TRANSACTION_ITEMS:
            index.table.transact(transaction)
            return
    if len(resources) == 1:  # what is above has many labels
        for orthanc_id in [*parents, resources[0].orthanc_id]:
            strip_labels(index, orthanc_id)
        raise ConditionFailed(())
    middle = len(resources) // 2  # parents that become empty have search rows to be removed too
    for half in (resources[:middle], resources[middle:]):
        _try_remove(index, {one.orthanc_id: served[one.orthanc_id] for one in half})


class _Removal:
    """The items of one transaction that deletes instances of one series."""

    def __init__(self, table: Table, parents: dict[OrthancId, Row]) -> None:
        self._rows = table
        self._table = table.name
        self._parents = parents
        self._items: list[Item] = []
        self._purge: list[str] = []
        self._deleted: list[tuple[Level, OrthancId]] = []
        self._instances = 0
        self._sizes = Totals()
        self._state_characters = 0

    @property
    def is_small(self) -> bool:
        """Tell whether all that is to be buried fits into one transaction, by its bytes."""
        is_short = self._state_characters <= _MOST_STATE_CHARACTERS
        return is_short and len(self._purge) <= _MOST_KEYS

    def bury(self, row: Row, resource: Resource) -> None:
        """Turn an instance's row into a tombstone and unhang it."""
        file = codec.read_file(row)
        orthanc_id = resource.orthanc_id
        added, values, spilled = ended.end(self._table, row, file.uuid)
        buried, buried_values = ended.bury_spilled(row)
        unchanged, unchanged_values = ended.unchanged(row)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": keys.resource(orthanc_id),
            "UpdateExpression": f"SET x = :one{buried} ADD {added} REMOVE {_BURIED}",
            "ConditionExpression": "v = :v AND attribute_not_exists(x)"
            f" AND {unchanged} AND {same_state(row)}",
            "ExpressionAttributeValues": {
                ":one": codec.number(1),
                ":v": codec.text(file.uuid),
                **values,
                **buried_values,
                **unchanged_values,
                **state_value(row),
            },
        }
        self._items.append({"Update": update})  # type: ignore[typeddict-item]
        self._items += spilled
        self._state_characters += len(codec.read_text(row, "us"))
        self._unhang(row, resource)
        uuids = [file.uuid, *ended.aside_uuids(self._rows, row)]
        self._purge += [str(InstanceKey(FINAL, orthanc_id, uuid)) for uuid in uuids]
        self._instances += 1
        self._sizes = sum_sizes(self._sizes, resource.totals)

    def _unhang(self, row: Row, resource: Resource) -> None:
        """Remove the rows a resource is found by."""
        orthanc_id, level = resource.orthanc_id, resource.level
        self._deleted.append((level, orthanc_id))
        lookups = items.shown_identifier_keys(level, orthanc_id, resource.main_tags)
        lookups += [keys.key(pk, orthanc_id) for pk in codec.read_document(row, "e")]
        if resource.parent_id is not None:
            lookups.append(keys.child(resource.parent_id, orthanc_id))
        lookups.append(keys.listed(level, orthanc_id))
        lookups += [keys.label(level, label, orthanc_id) for label in resource.user.labels]
        if level is Level.PATIENT:
            lookups.append(
                keys.protected(orthanc_id)
                if resource.user.is_protected
                else keys.recycled(codec.read_text(row, "ro"), orthanc_id)
            )
        uuids = sorted(resource.user.object_uuids)
        self._purge += [str(AttachmentKey(orthanc_id, uuid)) for uuid in uuids]
        self._items += [items.delete(self._table, key) for key in lookups]

    def items(self, resource: Resource) -> list[Item]:
        """Return the whole transaction."""
        removed = {"instances": self._instances}
        for level in reversed(ORDER[:-1]):
            row = self._parents[resource.ancestors[level]]
            attribute, below = _BENEATH[level]
            if codec.read_number(row, attribute) == removed.get(below, 0):
                self._remove_parent(level, row, attribute)
                removed[f"{level.collection}"] = 1
            else:
                self._shrink(level, row, removed)
        self._items.append(items.count(self._table, self._negative(removed)))
        self._items += self._outbox()
        return self._items

    def _outbox(self) -> list[Item]:
        """Return the outbox rows: each names as many objects as fit into one."""
        now, deleted, rows = clock.now(), self._deleted, []
        for start in range(0, max(1, min(len(self._purge), _MOST_KEYS)), _KEYS_PER_ROW):
            purge = self._purge[start : min(start + _KEYS_PER_ROW, _MOST_KEYS)]
            rows.append(items.pending(self._table, now, clock.new_uuid(), [], [], purge, deleted))
            deleted = []
        return rows

    def _negative(self, removed: dict[str, int]) -> Totals:
        counts = {name: -amount for name, amount in removed.items()}
        return replace(
            Totals(**counts),
            size_bytes=-self._sizes.size_bytes,
            saved_bytes=-self._sizes.saved_bytes,
            attached_bytes=-self._sizes.attached_bytes,
            attached_saved_bytes=-self._sizes.attached_saved_bytes,
        )

    def _shrink(self, level: Level, row: Row, removed: dict[str, int]) -> None:
        totals = self._negative({name: n for name, n in removed.items() if name != "patients"})
        orthanc_id = OrthancId(row["pk"]["S"])
        item = items.touch(self._table, orthanc_id, totals, clock.now(), received=False)
        if level is Level.STUDY and "series" in removed:
            item, found = modalities.remove_series(item, row, self._modality)
            self._remove_rows(found)
        self._items.append(item)

    @property
    def _modality(self) -> str:
        """Return the modality of the series the instances are of."""
        series = next(row for row in self._parents.values() if row["l"]["S"] == Level.SERIES)
        return str(codec.read_document(series, "t").get(search_rows.MODALITY, ""))

    def _remove_rows(self, rows: Sequence[Row]) -> None:
        found = [keys.key(row["pk"]["S"], row["sk"]["S"]) for row in rows]
        self._items += [items.delete(self._table, key) for key in found]

    def _remove_parent(self, level: Level, row: Row, attribute: str) -> None:
        values: dict[str, Any] = {":n": row[attribute], ":ni": row["ni"], **state_value(row)}
        condition = f"#n = :n AND ni = :ni AND {same_state(row)}"
        if level is Level.STUDY:
            # the same number of other series may stand there now
            values[":mo"] = row["mo"]
            condition += " AND mo = :mo"
        delete: dict[str, Any] = {
            "TableName": self._table,
            "Key": keys.resource(OrthancId(row["pk"]["S"])),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#n": attribute},
            "ExpressionAttributeValues": values,
        }
        self._items.append({"Delete": delete})  # type: ignore[typeddict-item]
        parent = codec.read_resource(row)
        self._sizes = sum_sizes(self._sizes, attached_totals(parent.user.attachments))
        self._unhang(row, parent)
        self._remove_rows(search_rows.rows_of(row))


def sum_sizes(one: Totals, other: Totals) -> Totals:
    """Return the sizes of two, without counts."""
    return Totals(
        size_bytes=one.size_bytes + other.size_bytes,
        saved_bytes=one.saved_bytes + other.saved_bytes,
        attached_bytes=one.attached_bytes + other.attached_bytes,
        attached_saved_bytes=one.attached_saved_bytes + other.attached_saved_bytes,
    )


def same_state(row: Row) -> str:
    """Return the condition that users have changed nothing since a row was read."""
    return "us = :us" if "us" in row else "attribute_not_exists(us)"


def state_value(row: Row) -> dict[str, Any]:
    """Return the value that `same_state` names."""
    return {":us": row["us"]} if "us" in row else {}
