"""The items of the transaction that commits receptions of one series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import codec, ended, items, keys, modalities, originals, search_rows
from nephele.aws.index.entries import Entry, Outcome, SameContent
from nephele.aws.index.table import TRANSACTION_ITEMS, Row
from nephele.aws.tracing import traces_of
from nephele.domain.extra_tags import extended_signature
from nephele.domain.header import InstanceHeader
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change, ChangeType, StoredFile, Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

PARENTS = (Level.SERIES, Level.STUDY, Level.PATIENT)
ITEMS_PER_INSTANCE = 4
_ITEMS_FOR_PARENTS = 15
ENTRIES_PER_TRANSACTION = (TRANSACTION_ITEMS - _ITEMS_FOR_PARENTS) // ITEMS_PER_INSTANCE
SIGNATURE = "MainDicomTagsSignature"
"""Kept where the configuration adds main tags: all others are Orthanc's own."""
_NEW = {
    Level.INSTANCE: ChangeType.NEW_INSTANCE,
    Level.SERIES: ChangeType.NEW_SERIES,
    Level.STUDY: ChangeType.NEW_STUDY,
    Level.PATIENT: ChangeType.NEW_PATIENT,
}
_COUNTED = {Level.PATIENT: "patients", Level.STUDY: "studies", Level.SERIES: "series"}


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
        self._new_parents: list[Change] = []
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
        self._hang(Level.INSTANCE, orthanc_id, entry.header)
        original = originals.original_row(entry.file.provenance, orthanc_id)
        if original is not None:
            self._items.append(items.put(self._table, original))
        self._instances += 1
        self._size_bytes += entry.file.size_bytes
        self._saved_bytes += entry.file.saved_bytes
        self._change(Level.INSTANCE, orthanc_id)

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
        self._items.append(self._child(Level.INSTANCE, entry.orthanc_id, entry.header))
        self._size_bytes += entry.file.size_bytes - old.size_bytes
        self._saved_bytes += entry.file.saved_bytes - old.saved_bytes
        if is_overwriting or not is_same:
            self._change(Level.INSTANCE, entry.orthanc_id)

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
        header = entry.header
        ids = [header.identity.orthanc_id(level) for level in ORDER[:-1]]
        original = originals.original_row(entry.file.provenance, entry.orthanc_id)
        attributes: dict[str, Any] = {
            "l": codec.text(Level.INSTANCE),
            "a": codec.pack_ids(ids),
            "t": codec.document(header.main_tags[Level.INSTANCE]),
            "m": codec.document(_instance_metadata(entry)),
            "v": codec.text(entry.file.uuid),
            "z": codec.number(entry.file.size_bytes),
            "h": codec.text(entry.file.md5),
            "r": codec.text(entry.file.provenance.received),
            **compression_of(entry.file),
            **_digest_of(entry.file),
            **_hidden_lookups(Level.INSTANCE, entry.orthanc_id, header, original),
        }
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
        if self._is_rebuilding:
            self._items += self._outbox([], [], clock.now()) if self._purge else []
            return self._items
        touched = [(level, self._parents[level]) for level in PARENTS] if self._changes else []
        self._items += self._outbox(self._ordered_changes, touched, self._now)
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

    def _add_parents(self, first: Entry) -> None:
        created: dict[str, int] = {}
        for level in PARENTS:
            beneath = self._totals(created)
            orthanc_id = self._parents[level]
            if orthanc_id in self._rows:
                self._touch_parent(level, orthanc_id, first.header, beneath)
            else:
                self._create_parent(level, orthanc_id, first, beneath)
                created[_COUNTED[level]] = 1
        everything = self._totals(created)
        if everything != Totals():
            self._items.append(items.count(self._table, everything))

    def _totals(self, created: dict[str, int]) -> Totals:
        return Totals(
            instances=self._instances,
            size_bytes=self._size_bytes,
            saved_bytes=self._saved_bytes,
            **created,
        )

    def _touch_parent(
        self, level: Level, orthanc_id: OrthancId, header: InstanceHeader, beneath: Totals
    ) -> None:
        row = self._rows[orthanc_id]
        now = max(self._now, codec.read_text(row, "c")) if self._is_rebuilding else self._now
        touch = items.touch(self._table, orthanc_id, beneath, now)
        if level is Level.STUDY and beneath.series:
            touch, grown = modalities.add_series(touch, row, modalities.of_series(header))
            self._items += [items.put(self._table, search_row) for search_row in grown]
        elif level is Level.PATIENT and beneath.studies:
            # how the study's spelling of the name is found depends on the patient's
            touch = items.also(touch, "", "t = :t", {}, {":t": row["t"]})
        self._items.append(touch)

    def _create_parent(
        self, level: Level, orthanc_id: OrthancId, first: Entry, beneath: Totals
    ) -> None:
        header = first.header
        above = [header.identity.orthanc_id(upper) for upper in ORDER[: ORDER.index(level)]]
        row: Row = {
            **keys.resource(orthanc_id),
            "l": codec.text(level),
            "t": codec.document(_shown_tags(level, header)),
            "m": codec.document(_parent_metadata(level, first)),
            "u": codec.text(self._now),
            "c": codec.text(self._now),
            "nt": codec.number(beneath.studies),
            "ns": codec.number(beneath.series),
            "ni": codec.number(beneath.instances),
            "z": codec.number(beneath.size_bytes),
            **_hidden_lookups(level, orthanc_id, header),
        }
        if beneath.saved_bytes:
            row["zs"] = codec.number(beneath.saved_bytes)
        if level is Level.PATIENT:
            row["ro"] = codec.text(self._now)
            place = keys.recycled(self._now, orthanc_id)
            self._items.append(items.put(self._table, dict(place)))
        if above:
            row["a"] = codec.pack_ids(above)
        if level is Level.STUDY:
            row |= modalities.of_new_study(header)
            row |= self._spelling(header)
        self._items.append(items.put(self._table, row, "attribute_not_exists(pk)"))
        self._items += [items.put(self._table, found) for found in search_rows.rows_of(row)]
        self._hang(level, orthanc_id, header)
        self._change(level, orthanc_id)

    def _spelling(self, header: InstanceHeader) -> Row:
        """Return what a new study's row says of how it spells its patient's name."""
        own = header.main_tags[Level.PATIENT].get(search_rows.PATIENT_NAME, "")
        row = self._rows.get(self._parents[Level.PATIENT])
        if row is None:
            return {}
        of_patient = codec.read_document(row, "t").get(search_rows.PATIENT_NAME, "")
        spelling = search_rows.name_spelling(own, of_patient)
        return {"q": codec.text(spelling)} if spelling else {}


def compression_of(file: StoredFile) -> dict[str, dict[str, str]]:
    """Return what an instance's row says of a compressed object."""
    if file.compressed_bytes is None:
        return {}
    return {"zc": codec.number(file.compressed_bytes), "hc": codec.text(file.compressed_md5)}


def _digest_of(file: StoredFile) -> dict[str, dict[str, str]]:
    return {"hd": codec.data_set_digest(file)} if file.data_set_digest else {}


def _shown_tags(level: Level, header: InstanceHeader) -> dict[str, str]:
    """Return a parent's main tags; a study has its own copy of its patient's, as in Orthanc."""
    own = header.main_tags[level]
    return header.main_tags[Level.PATIENT] | own if level is Level.STUDY else own


def _hidden_lookups(
    level: Level, orthanc_id: OrthancId, header: InstanceHeader, original: Row | None = None
) -> dict[str, dict[str, str]]:
    """Return what a row must remember to find its look-up rows again.

    These are overlong identifiers, and the UID an instance came with.
    """
    main_tags = header.main_tags[level]
    shown = items.shown_identifier_keys(level, orthanc_id, main_tags)
    hidden = [
        key["pk"]["S"]
        for key, _ in items.identifier_keys(level, orthanc_id, main_tags, header.identity)
        if key not in shown
    ]
    if original is not None:
        hidden.append(original["pk"]["S"])
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
        SIGNATURE: extended_signature(Level.INSTANCE),
        "OriginalMD5": provenance.original_md5 or None,
        "OriginalSOPInstanceUID": provenance.original_sop_instance_uid or None,
        "IngestTranscodingFailure": provenance.transcoding_failure or None,
    }
    return {
        "ReceptionDate": clock.to_seconds(provenance.received),
        "RemoteAET": provenance.remote_aet,
        "Origin": provenance.origin,
        "TransferSyntax": header.transfer_syntax_uid,
        "SopClassUid": header.sop_class_uid,
    } | {name: str(value) for name, value in optional.items() if value is not None}


def _parent_metadata(level: Level, first: Entry) -> dict[str, str]:
    signature = extended_signature(level)
    extended = {} if signature is None else {SIGNATURE: signature}
    return (_series_metadata(first) if level is Level.SERIES else {}) | extended


def _series_metadata(first: Entry) -> dict[str, str]:
    expected = first.header.expected_number_of_instances
    metadata = {"RemoteAET": first.file.provenance.remote_aet}
    if expected is not None:
        metadata["ExpectedNumberOfInstances"] = str(expected)
    return metadata
