"""Rewriting what the index keeps of resources that are there, from the header of an instance.

No change is logged, and metadata stay but for what follows from the header.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nephele.aws.index import Index, codec, items, keys, search_rows
from nephele.aws.index.contents import SIGNATURE
from nephele.aws.index.table import TRANSACTION_ITEMS, Row, retry_when_changed
from nephele.domain.extra_tags import extended_signature
from nephele.domain.header import InstanceHeader
from nephele.domain.levels import Level
from nephele.domain.main_sequences import METADATA as SEQUENCES
from nephele.domain.main_sequences import main_sequences
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

_INDEX_IN_SERIES = "IndexInSeries"
_EXPECTED = "ExpectedNumberOfInstances"
_OWN = ("t", "m", "mo", "q", "e")
"""Attributes of a row that are rewritten."""


def refresh_instance(index: Index, instance: Resource, header: InstanceHeader) -> None:
    """Rewrite an instance from its header, unless another reception took its place meanwhile."""
    retry_when_changed(lambda: _try_instance(index, instance, header))


def _try_instance(index: Index, instance: Resource, header: InstanceHeader) -> None:
    row = index.table.get(keys.resource(instance.orthanc_id))
    uuid = None if instance.file is None else instance.file.uuid
    if row is None or codec.is_deleted(row) or row["v"]["S"] != uuid:
        return
    metadata = {
        **codec.read_document(row, "m"),
        _INDEX_IN_SERIES: header.index_in_series,
        SIGNATURE: extended_signature(Level.INSTANCE),
    }
    new = {
        **row,
        "t": codec.document(header.main_tags[Level.INSTANCE]),
        "m": codec.document({name: text for name, text in metadata.items() if text is not None}),
    }
    if new == row:
        return
    child: Row = dict(keys.child(instance.ancestors[Level.SERIES], instance.orthanc_id))
    if header.index_in_series is not None:
        child["i"] = codec.text(header.index_in_series)
    index.table.transact([_update(index, row, new), items.put(index.table.name, child)])


def refresh_parent(index: Index, parent: Resource, header: InstanceHeader) -> None:
    """Rewrite a patient, study or series from an instance beneath, with all it is found by.

    Series come before their study, which counts their modalities, and patients before their
    studies, which may spell their name otherwise: see `PARENTS`.
    """
    change = partial(_refreshed, index, parent, header)
    retry_when_changed(lambda: _try_parent(index, parent, header, change))


def respell_study(index: Index, study: Resource, header: InstanceHeader) -> None:
    """Find a study by its own spelling of its patient's name, whose spelling may have changed."""
    change = partial(_respelled, index, study)
    retry_when_changed(lambda: _try_parent(index, study, header, change))


def _try_parent(
    index: Index, parent: Resource, header: InstanceHeader, change: Callable[[Row], Row]
) -> None:
    row = index.table.get(keys.resource(parent.orthanc_id))
    if row is None:
        return
    new = change(row)
    if new == row:
        return
    level = parent.level
    transaction = _transaction(index, level, row, new, header)
    if len(transaction) > TRANSACTION_ITEMS:
        nameless = _without_name(new)
        index.table.transact(_transaction(index, level, row, nameless, header))
        transaction = _transaction(index, level, nameless, new, header)
    index.table.transact(transaction)


def _refreshed(index: Index, parent: Resource, header: InstanceHeader, row: Row) -> Row:
    """Return a row as the header makes it."""
    level = parent.level
    tags = header.main_tags[level]
    if level is Level.STUDY:
        tags = header.main_tags[Level.PATIENT] | tags
    metadata = {
        **codec.read_document(row, "m"),
        SIGNATURE: extended_signature(level),
        SEQUENCES: main_sequences(header, level),
    }
    if level is Level.SERIES:
        expected = header.expected_number_of_instances
        metadata[_EXPECTED] = None if expected is None else str(expected)
    kept = {name: text for name, text in metadata.items() if text is not None}
    new = {**row, "t": codec.document(tags), "m": codec.document(kept)}
    if level is Level.STUDY:
        new["mo"] = {"M": _modalities(index, parent.orthanc_id)}
        new = _respelled(index, parent, new)
    return new


def _respelled(index: Index, study: Resource, row: Row) -> Row:
    """Return a study's row with how its own spelling of its patient's name is found."""
    new = {name: value for name, value in row.items() if name != "q"}
    if spelling := _spelling(index, study, codec.read_document(row, "t")):
        new["q"] = codec.text(spelling)
    return new


def _modalities(index: Index, study: OrthancId) -> dict[str, Any]:
    """Count the series of a study by modality."""
    series = index.resources(child.orthanc_id for child in index.children(study))
    named = (one.main_tags.get(search_rows.MODALITY, "") for one in series.values())
    counts = Counter(modality for modality in named if modality)
    return {modality: codec.number(count) for modality, count in counts.items()}


def _spelling(index: Index, study: Resource, tags: dict[str, str]) -> str:
    """Return how a study's own spelling of its patient's name is found."""
    patient = index.resource(study.ancestors[Level.PATIENT])
    if patient is None:
        return ""
    of_patient = patient.main_tags.get(search_rows.PATIENT_NAME, "")
    return search_rows.name_spelling(tags.get(search_rows.PATIENT_NAME, ""), of_patient)


def _without_name(row: Row) -> Row:
    """Return a row that is found by no name: between two transactions, where one would not do."""
    tags: dict[str, str] = dict(codec.read_document(row, "t"))
    tags.pop(search_rows.PATIENT_NAME, None)
    nameless = {**row, "t": codec.document(tags)}
    nameless.pop("q", None)
    return nameless


def _transaction(
    index: Index, level: Level, old: Row, new: Row, header: InstanceHeader
) -> list[Item]:
    """Return the items that turn a row, and the rows it is found by, into another one."""
    table = index.table.name
    before, after = _found_by(level, old, header), _found_by(level, new, header)
    gone = [keys.key(*name) for name in before if name not in after]
    changed = [row for name, row in after.items() if before.get(name) != row]
    return [
        _update(index, old, new),
        *(items.delete(table, key) for key in gone),
        *(items.put(table, row) for row in changed),
    ]


def _found_by(level: Level, row: Row, header: InstanceHeader) -> dict[tuple[str, str], Row]:
    """Return the rows a resource is found by through its main tags, by key."""
    orthanc_id = OrthancId(row["pk"]["S"])
    tags: dict[str, str] = codec.read_document(row, "t")
    identified = items.identifier_keys(level, orthanc_id, tags, header.identity)
    rows: list[Row] = [{**key, "o": codec.text(value)} for key, value in identified]
    rows += search_rows.rows_of(row)
    return {(found["pk"]["S"], found["sk"]["S"]): found for found in rows}


def _update(index: Index, old: Row, new: Row) -> Item:
    """Rewrite a row's own attributes if they still are what they were."""
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    sets, removals, conditions = [], [], []
    for name in (name for name in _OWN if name in old or name in new):
        names[f"#{name}"] = name
        if name in old:
            values[f":old_{name}"] = old[name]
            conditions.append(f"#{name} = :old_{name}")
        else:
            conditions.append(f"attribute_not_exists(#{name})")
        if name in new and new[name] != old.get(name):
            values[f":{name}"] = new[name]
            sets.append(f"#{name} = :{name}")
        elif name not in new:
            removals.append(f"#{name}")
    clauses = [f"SET {', '.join(sets)}"] if sets else []
    clauses += [f"REMOVE {', '.join(removals)}"] if removals else []
    update: dict[str, Any] = {
        "TableName": index.table.name,
        "Key": keys.key(old["pk"]["S"], old["sk"]["S"]),
        "UpdateExpression": " ".join(clauses),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
    return {"Update": update}  # type: ignore[typeddict-item]


PARENTS = (Level.SERIES, Level.PATIENT, Level.STUDY)
"""The order in which parents are refreshed."""
