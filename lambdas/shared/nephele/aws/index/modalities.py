"""The modalities of a study: how many series have each, and the search rows that follow.

The counts stand in the study's row, which each new series updates anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nephele.aws.index import codec, items, search_rows
from nephele.aws.index.table import Row
from nephele.domain.case import fold_case
from nephele.domain.header import InstanceHeader
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

_ONE = {":one": codec.number(1)}


def of_series(header: InstanceHeader) -> str:
    """Return the modality of an instance's series, `""` where it has none."""
    return header.main_tags[Level.SERIES].get(search_rows.MODALITY, "")


def of_new_study(header: InstanceHeader) -> Row:
    """Return the counts of a study with its first series."""
    modality = of_series(header)
    return {"mo": {"M": {modality: codec.number(1)} if modality else {}}}


def add_series(touch: Item, study: Row, modality: str) -> tuple[Item, list[Row]]:
    """Count a new series in the update of its study; return it, and the search rows to write."""
    if not modality:
        return touch, []
    names = {"#mo": modality}
    if modality in study["mo"]["M"]:
        clause, condition = "SET mo.#mo = mo.#mo + :one", "attribute_exists(mo.#mo)"
        return items.also(touch, clause, condition, names, _ONE), []
    clause, condition = "SET mo.#mo = :one", "attribute_not_exists(mo.#mo)"
    return items.also(touch, clause, condition, names, _ONE), _rows_of_modality(study, modality)


def remove_series(touch: Item, study: Row, modality: str) -> tuple[Item, list[Row]]:
    """Count a series less; return the update of its study, and the search rows to remove."""
    counts = study["mo"]["M"]
    if modality not in counts:
        return touch, []
    names = {"#mo": modality}
    if codec.read_number(counts, modality) > 1:
        clause, condition = "SET mo.#mo = mo.#mo - :one", "mo.#mo > :one"
        return items.also(touch, clause, condition, names, _ONE), []
    touch = items.also(touch, "REMOVE mo.#mo", "mo.#mo = :one", names, _ONE)
    same = [other for other in counts if fold_case(other) == fold_case(modality)]
    return touch, _rows_of_modality(study, modality) if len(same) == 1 else []


def _rows_of_modality(study: Row, modality: str) -> list[Row]:
    return search_rows.modality_rows(
        OrthancId(study["pk"]["S"]), codec.read_document(study, "t"), [modality]
    )
