"""Formats of the keys of search rows: by name, by text within names, by date, by modality."""

from __future__ import annotations

from nephele.aws.index.keys import END, Key, key
from nephele.domain.case import fold_case
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId

SEARCH_SHARDS = 4
SUFFIX_CHARACTERS = 3
"""Characters of a name that make a partition: the shortest text that is found within names."""
LONG_NAMES = "SFX#LONG"
_LARGEST_SUFFIX = 64


def name(level: Level, folded: str) -> str:
    """Partition of the resources of a level whose patient's name begins with a character."""
    return f"NAME#{level}#{folded[:1]}"


def named(level: Level, person_name: str, orthanc_id: OrthancId) -> Key:
    """Key of the search row of a resource by its patient's name."""
    folded = fold_case(person_name)
    return key(name(level, folded), f"{folded}{END}{orthanc_id}")


def within_names(folded: str) -> str:
    """Partition of the names that hold a text somewhere behind their first character."""
    return f"SFX#{folded[:SUFFIX_CHARACTERS]}"


def suffix(folded: str, orthanc_id: OrthancId) -> Key:
    """Key of the row that finds a name by what it ends with."""
    return key(within_names(folded), f"{suffix_prefix(folded)}{END}{orthanc_id}")


def suffix_prefix(folded: str) -> str:
    """Return as much of a suffix as its key holds."""
    return folded[:_LARGEST_SUFFIX]


def long_name(orthanc_id: OrthancId) -> Key:
    """Key of the row of a name that has too many suffixes."""
    return key(LONG_NAMES, orthanc_id)


def dates(shard: int) -> str:
    """Partition of studies by their date; every study stands in one of them."""
    return f"DATE#{shard}"


def dated(study_date: str, orthanc_id: OrthancId) -> Key:
    """Key of the search row of a study by its date."""
    return key(dates(_search_shard(orthanc_id)), f"{fold_case(study_date)}{END}{orthanc_id}")


def modality(folded: str, shard: int) -> str:
    """Partition of the studies that have a modality, by their date."""
    return f"MOD#{folded}#{shard}"


def of_modality(modality_name: str, study_date: str, orthanc_id: OrthancId) -> Key:
    """Key of the search row of a study by one of its modalities."""
    partition = modality(fold_case(modality_name), _search_shard(orthanc_id))
    return key(partition, f"{fold_case(study_date)}{END}{orthanc_id}")


def _search_shard(orthanc_id: OrthancId) -> int:
    return int(orthanc_id[0], 16) % SEARCH_SHARDS
