"""Changing what users keep at a resource, with all rows that follow from it, in one transaction.

The state is one attribute of the resource's own row: it is read with the resource, and goes with
it. What it was is the condition of each change, so no two changes can lose one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import Index, codec, items, keys
from nephele.aws.index.table import Row, retry_when_changed
from nephele.aws.keys import AttachmentKey
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change, ChangeType, Resource, Totals
from nephele.domain.user_state import Attachment, UserState, encode_state
from nephele.errors import UnknownResource

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item


@dataclass(frozen=True, slots=True)
class Changed:
    """A resource as a change found it, and what users keep there now."""

    resource: Resource
    state: UserState


Decide = Callable[[Resource], UserState]


def change_user_state(
    index: Index,
    orthanc_id: OrthancId,
    decide: Decide,
    *,
    is_logged: bool = True,
    is_replayed: bool = False,
) -> Changed:
    """Change what users keep at a resource.

    Parameters
    ----------
    decide : callable
        Returns the new state, whose version does not matter; it may be asked several times. The
        old one is no change, and what it raises ends it.
    is_logged : bool
        Whether the change log tells of metadata and attachments.
    is_replayed : bool
        The state comes from the journal: it keeps its version, and nothing is logged.

    Raises
    ------
    UnknownResource
        There is no such resource.
    """
    return retry_when_changed(
        lambda: _try_change(
            index,
            orthanc_id,
            decide,
            is_logged=is_logged and not is_replayed,
            is_replayed=is_replayed,
        )
    )


def _try_change(
    index: Index, orthanc_id: OrthancId, decide: Decide, *, is_logged: bool, is_replayed: bool
) -> Changed:
    row = index.table.get(keys.resource(orthanc_id))
    if row is None or codec.is_deleted(row):
        raise UnknownResource("")
    resource = codec.read_resource(row)
    decided = decide(resource)
    if decided == resource.user:
        return Changed(resource, decided)
    version = max(resource.user.version + 1, clock.microseconds())
    state = decided if is_replayed else replace(decided, version=version)
    transaction = _Transaction(index.table.name, row, resource, state)
    index.table.transact(transaction.items(is_logged=is_logged))
    return Changed(resource, state)


class _Transaction:
    """The items of one change."""

    def __init__(self, table: str, row: Row, resource: Resource, state: UserState) -> None:
        self._table = table
        self._row = row
        self._resource = resource
        self._old = resource.user
        self._new = state
        self._now = clock.now()

    def items(self, *, is_logged: bool) -> list[Item]:
        """Return the whole transaction."""
        grown = attached_totals(self._new.attachments, self._old.attachments)
        order = self._order()
        transaction = [self._update(grown, order), *self._label_rows(), *self._order_rows(order)]
        if grown != Totals():
            above = self._resource.ancestors.values()
            transaction += [items.grow(self._table, one, grown) for one in above]
            transaction.append(items.count(self._table, grown))
        changes = self._changes() if is_logged else []
        purge = [str(key) for key in self._gone()]
        if changes or purge:
            uuid = clock.new_uuid()
            transaction.append(items.pending(self._table, self._now, uuid, changes, [], purge))
        return transaction

    def _update(self, grown: Totals, order: str | None) -> Item:
        item = items.grow(self._table, self._resource.orthanc_id, grown)
        values: dict[str, Any] = {":us": codec.document(encode_state(self._new))}
        condition = "attribute_not_exists(x) AND attribute_not_exists(us)"
        if "us" in self._row:
            condition = "attribute_not_exists(x) AND us = :old"
            values[":old"] = self._row["us"]
        clause = "SET us = :us"
        if order is not None:
            clause += ", ro = :ro"
            values[":ro"] = codec.text(order)
        return items.also(item, clause, condition, {}, values)

    def _label_rows(self) -> list[Item]:
        level, orthanc_id = self._resource.level, self._resource.orthanc_id
        added, removed = self._new.labels - self._old.labels, self._old.labels - self._new.labels
        return [
            *(items.put(self._table, dict(keys.label(level, one, orthanc_id))) for one in added),
            *(items.delete(self._table, keys.label(level, one, orthanc_id)) for one in removed),
        ]

    def _order(self) -> str | None:
        """Return a patient's new place in the order of recycling; None where it keeps its own."""
        if self._resource.level is not Level.PATIENT:
            return None
        if self._new.is_protected:
            return None
        ended, known = self._new.unprotected, {self._old.unprotected, self._row["ro"]["S"]}
        has_moved = self._old.is_protected or ended not in known
        return (ended or self._now) if has_moved else None

    def _order_rows(self, order: str | None) -> list[Item]:
        """Take a patient that is protected out of the order, and put it back where that ends."""
        if self._resource.level is not Level.PATIENT:
            return []
        patient = self._resource.orthanc_id
        if order is not None:
            old = keys.recycled(codec.read_text(self._row, "ro"), patient)
            gone = keys.protected(patient) if self._old.is_protected else old
            return [
                items.put(self._table, dict(keys.recycled(order, patient))),
                items.delete(self._table, gone),
            ]
        if self._new.is_protected and not self._old.is_protected:
            place = keys.recycled(codec.read_text(self._row, "ro"), patient)
            return [
                items.delete(self._table, place),
                items.put(self._table, dict(keys.protected(patient))),
            ]
        return []

    def _changes(self) -> list[Change]:
        found = []
        if _differs(self._old.metadata, self._new.metadata):
            found.append(ChangeType.UPDATED_METADATA)
        if _differs(self._old.attachments, self._new.attachments):
            found.append(ChangeType.UPDATED_ATTACHMENT)
        level, orthanc_id = self._resource.level, self._resource.orthanc_id
        date = clock.to_seconds(self._now)
        return [Change(kind, level, orthanc_id, date) for kind in found]

    def _gone(self) -> Iterable[AttachmentKey]:
        uuids = sorted(self._old.object_uuids - self._new.object_uuids)
        return (AttachmentKey(self._resource.orthanc_id, uuid) for uuid in uuids)


def _differs(old: Mapping[int, object], new: Mapping[int, object]) -> bool:
    return dict(old) != dict(new)


def ask_to_purge(index: Index, attached: Sequence[str]) -> None:
    """Have objects removed that were attached, by their keys, unless a resource has them."""
    if attached:
        table, now = index.table, clock.now()
        pending = items.pending(table.name, now, clock.new_uuid(), [], [], attached)
        table.transact([pending])


LABELS_AT_ONCE = 50
"""Labels that one transaction sets or removes: each has a row of its own."""


def strip_labels(index: Index, orthanc_id: OrthancId) -> None:
    """Remove all labels of a resource that is about to go."""

    def strip(resource: Resource) -> UserState:
        rest = sorted(resource.user.labels)[LABELS_AT_ONCE:]
        return replace(resource.user, labels=frozenset(rest))

    while change_user_state(index, orthanc_id, strip, is_logged=False).state.labels:
        pass


def attached_totals(
    attachments: Mapping[int, Attachment], less: Mapping[int, Attachment] | None = None
) -> Totals:
    """Return what attachments take, less what others do."""
    one, other = _attached(attachments.values()), _attached((less or {}).values())
    return Totals(attached_bytes=one[0] - other[0], attached_saved_bytes=one[1] - other[1])


def _attached(attachments: Iterable[Attachment]) -> tuple[int, int]:
    sizes = [(one.size_bytes, one.size_bytes - one.stored_bytes) for one in attachments]
    return sum(size for size, _ in sizes), sum(saved for _, saved in sizes)
