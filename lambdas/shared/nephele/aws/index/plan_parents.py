"""The items of a commit that are about the series, the study and the patient of its instances."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nephele.aws import clock
from nephele.aws.index import codec, contents, items, keys, modalities, search_rows
from nephele.aws.index.entries import Entry
from nephele.aws.index.hanging import hang
from nephele.aws.index.table import Row
from nephele.domain.header import InstanceHeader
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change, ChangeType, Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

PARENTS = (Level.SERIES, Level.STUDY, Level.PATIENT)
_NEW = {
    Level.SERIES: ChangeType.NEW_SERIES,
    Level.STUDY: ChangeType.NEW_STUDY,
    Level.PATIENT: ChangeType.NEW_PATIENT,
}
_COUNTED = {Level.PATIENT: "patients", Level.STUDY: "studies", Level.SERIES: "series"}


class ParentItems:
    """What a commit writes of the parents, from the series upwards.

    Parameters
    ----------
    rows : dict
        What the index has of them.
    beneath : Totals
        What the commit adds beneath them.

    Attributes
    ----------
    items, changes : list
        Of the transaction, and of the log: a new parent is a change.
    totals : Totals
        What the commit adds, new parents included.
    """

    def __init__(
        self,
        table: str,
        rows: dict[OrthancId, Row],
        parents: dict[Level, OrthancId],
        now: str,
        beneath: Totals,
        *,
        is_rebuilding: bool,
    ) -> None:
        self._table = table
        self._rows = rows
        self._parents = parents
        self._now = now
        self._is_rebuilding = is_rebuilding
        self.items: list[Item] = []
        self.changes: list[Change] = []
        self.totals = beneath

    def add(self, first: Entry) -> None:
        """Touch the parents that are there, and create the others from the first instance."""
        for level in PARENTS:
            orthanc_id = self._parents[level]
            if orthanc_id in self._rows:
                self._touch(level, orthanc_id, first.header)
            else:
                self._create(level, orthanc_id, first)
                self.totals = replace(self.totals, **{_COUNTED[level]: 1})

    def _touch(self, level: Level, orthanc_id: OrthancId, header: InstanceHeader) -> None:
        row = self._rows[orthanc_id]
        now = max(self._now, codec.read_text(row, "c")) if self._is_rebuilding else self._now
        touch = items.touch(self._table, orthanc_id, self.totals, now)
        if level is Level.STUDY and self.totals.series:
            touch, grown = modalities.add_series(touch, row, modalities.of_series(header))
            self.items += [items.put(self._table, search_row) for search_row in grown]
        elif level is Level.PATIENT and self.totals.studies:
            # how the study's spelling of the name is found depends on the patient's
            touch = items.also(touch, "", "t = :t", {}, {":t": row["t"]})
        self.items.append(touch)

    def _create(self, level: Level, orthanc_id: OrthancId, first: Entry) -> None:
        header = first.header
        row = contents.parent_row(level, first, self.totals, self._now)
        if level is Level.PATIENT:
            row["ro"] = codec.text(self._now)
            place = keys.recycled(self._now, orthanc_id)
            self.items.append(items.put(self._table, dict(place)))
        if level is Level.STUDY:
            row |= modalities.of_new_study(header)
            row |= self._spelling(header)
        self.items.append(items.put(self._table, row, "attribute_not_exists(pk)"))
        self.items += [items.put(self._table, found) for found in search_rows.rows_of(row)]
        self.items += hang(self._table, level, orthanc_id, header)
        self.changes.append(Change(_NEW[level], level, orthanc_id, clock.to_seconds(self._now)))

    def _spelling(self, header: InstanceHeader) -> Row:
        """Return what a new study's row says of how it spells its patient's name."""
        own = header.main_tags[Level.PATIENT].get(search_rows.PATIENT_NAME, "")
        row = self._rows.get(self._parents[Level.PATIENT])
        if row is None:
            return {}
        of_patient = codec.read_document(row, "t").get(search_rows.PATIENT_NAME, "")
        spelling = search_rows.name_spelling(own, of_patient)
        return {"q": codec.text(spelling)} if spelling else {}
