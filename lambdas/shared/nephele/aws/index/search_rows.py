"""Search rows: what patients and studies are found by beside their identifiers.

All of them follow from a resource's own row, so that whoever writes or removes that row writes or
removes them in the same transaction. They carry the main tags (`t`), hence most queries are
answered from them alone. The rows of a name's suffixes carry the name (`n`) and the level of whose
it is (`l`): patients', and those of studies that call their patient otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable

from nephele.aws.index import codec, search_keys
from nephele.aws.index.table import Row
from nephele.domain.case import fold_case
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId

PATIENT_NAME = "0010,0010"
STUDY_DATE = "0008,0020"
MODALITY = "0008,0060"
MODALITIES_IN_STUDY = "0008,0061"

MAXIMUM_SUFFIXES = 60
"""A longer name has one row that every search within names reads: a transaction has 100 items."""
_MAXIMUM_SUFFIXES_TOGETHER = 72
"""Of a patient and a study that calls it otherwise: one transaction may remove both."""


def rows_of(row: Row) -> list[Row]:
    """Return the search rows that belong to the row of a resource."""
    level, orthanc_id = Level(row["l"]["S"]), OrthancId(row["pk"]["S"])
    main_tags: dict[str, str] = codec.read_document(row, "t")
    name = main_tags.get(PATIENT_NAME, "")
    if level is Level.PATIENT and name:
        is_long = suffix_count(name) > MAXIMUM_SUFFIXES
        key = search_keys.named(Level.PATIENT, name, orthanc_id)
        more = _name_rows(Level.PATIENT, orthanc_id, name, is_long=is_long)
        return [{**key, "t": row["t"]}, *more]
    if level is Level.STUDY:
        rows = _study_rows(row, orthanc_id, main_tags)
        spelling = row.get("q", {}).get("S", "")
        if spelling:
            is_long = spelling == _LONG
            rows += _name_rows(Level.STUDY, orthanc_id, name, is_long=is_long)
        return rows
    return []


def _study_rows(row: Row, orthanc_id: OrthancId, main_tags: dict[str, str]) -> list[Row]:
    date, name = main_tags.get(STUDY_DATE, ""), main_tags.get(PATIENT_NAME, "")
    found = [search_keys.dated(date, orthanc_id)]
    if name:
        found.append(search_keys.named(Level.STUDY, name, orthanc_id))
    rows: list[Row] = [{**key, "t": row["t"]} for key in found]
    return rows + modality_rows(orthanc_id, main_tags, codec.read_modalities(row))


def modality_rows(
    orthanc_id: OrthancId, main_tags: dict[str, str], modalities: Iterable[str]
) -> list[Row]:
    """Return the search rows of a study by some of its modalities."""
    date = main_tags.get(STUDY_DATE, "")
    found = [search_keys.of_modality(modality, date, orthanc_id) for modality in modalities]
    distinct = {key["pk"]["S"]: key for key in found}
    tags = codec.document(main_tags)
    return [{**key, "t": tags} for key in distinct.values()]


_SUFFIXES, _LONG = "S", "L"


def name_spelling(study_name: str, patient_name: str) -> str:
    """Return how a study's own spelling of its patient's name is found.

    `""` where it needs no row of its own, since the patient's are those of the same name.
    """
    if not study_name or fold_case(study_name) == fold_case(patient_name):
        return ""
    of_patient = suffix_count(patient_name)
    both = suffix_count(study_name) + (1 if of_patient > MAXIMUM_SUFFIXES else of_patient)
    return _LONG if both > _MAXIMUM_SUFFIXES_TOGETHER else _SUFFIXES


def suffix_count(name: str) -> int:
    """Return how many suffixes a name has behind its first character that can be searched for."""
    return max(0, len(name) - search_keys.SUFFIX_CHARACTERS)


def _name_rows(level: Level, orthanc_id: OrthancId, name: str, *, is_long: bool) -> list[Row]:
    more = {"n": codec.text(name), "l": codec.text(level)}
    if is_long:
        return [{**search_keys.long_name(orthanc_id), **more}]
    folded = fold_case(name)
    starts = range(1, 1 + suffix_count(name))
    found = {
        row["sk"]["S"]: row for row in (search_keys.suffix(folded[n:], orthanc_id) for n in starts)
    }
    return [{**key, **more} for key in found.values()]
