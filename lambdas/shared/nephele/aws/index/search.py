"""Reading search rows: who has a name, which studies have a date or a modality.

Bounds and texts are folded. What is found holds all that is asked for and may hold more: the
caller compares values, which the rows bring along.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from nephele.aws.index import codec, keys, search_keys
from nephele.aws.index.table import Row, Table
from nephele.aws.index.table_reads import iter_ahead
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId

_FIRST_PAGE = 100
_SHARDS_AHEAD = 1
"""More would keep the first page, which is given at once, from being the first to come."""
_BEHIND_ALL_IDS = "g"


class Hit(NamedTuple):
    """A resource a search row stands for, with its main tags."""

    orthanc_id: OrthancId
    main_tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class NameHit:
    """A name that holds a text, and whose it is: a patient's, or a study's own spelling."""

    name: str
    level: Level
    orthanc_id: OrthancId


@dataclass(frozen=True, slots=True)
class Dates:
    """A range of dates, both ends inclusive; an open end is empty."""

    first: str = ""
    last: str = ""


ALL_DATES = Dates()


def iter_identified(table: Table, tag: str, value: str) -> Iterator[tuple[OrthancId, str]]:
    """Yield who has an identifier in its normalised form, and how it was received."""
    rows = table.iter_query(keys.identifier(tag, value), limit=_FIRST_PAGE, is_growing=True)
    return ((OrthancId(row["sk"]["S"]), row["o"]["S"]) for row in rows)


def iter_dated(table: Table, dates: Dates = ALL_DATES) -> Iterator[Hit]:
    """Yield studies of a range of dates; with open ends those without a date too."""
    shards = range(search_keys.SEARCH_SHARDS)
    return chain.from_iterable(_iter_range(table, search_keys.dates(n), dates) for n in shards)


def iter_studies(table: Table) -> Iterator[Hit]:
    """Yield all studies, for who wants them to the last: in pages as large as they can be.

    What comes next is being read while the rows before are looked at.
    """
    shards = (search_keys.dates(n) for n in range(search_keys.SEARCH_SHARDS))
    for rows in iter_ahead(table.begin_query, shards, _SHARDS_AHEAD):
        yield from map(_hit, rows)


def iter_of_modality(table: Table, modality: str, dates: Dates = ALL_DATES) -> Iterator[Hit]:
    """Yield studies that have a modality, in a range of dates."""
    partitions = (search_keys.modality(modality, n) for n in range(search_keys.SEARCH_SHARDS))
    return chain.from_iterable(_iter_range(table, pk, dates) for pk in partitions)


def _iter_range(table: Table, partition: str, dates: Dates) -> Iterator[Hit]:
    # A date that another one begins with would stand behind it if that went on below the separator.
    has_end = bool(dates.last) and min(dates.last) > keys.END
    last = f"{dates.last}{keys.END}{_BEHIND_ALL_IDS}"
    if has_end and dates.first > last:
        return iter(())
    rows = table.iter_query(
        partition,
        after=dates.first if not has_end else "",
        up_to=last if has_end and not dates.first else "",
        between=(dates.first, last) if has_end and dates.first else None,
        limit=_FIRST_PAGE,
        is_growing=True,
    )
    return map(_hit, rows)


def iter_named(table: Table, level: Level, prefix: str, *, is_whole: bool = False) -> Iterator[Hit]:
    """Yield patients or studies whose patient's name begins with a text, or is that text."""
    rows = table.iter_query(
        search_keys.name(level, prefix),
        prefix=prefix + keys.END if is_whole else prefix,
        limit=_FIRST_PAGE,
        is_growing=True,
    )
    return map(_hit, rows)


def iter_names_within(table: Table, text: str) -> Iterator[NameHit]:
    """Yield names that hold a text of at least three characters behind their first one.

    Names with too many suffixes to have a row of each are always among them.
    """
    rows = table.iter_query(
        search_keys.within_names(text),
        prefix=search_keys.suffix_prefix(text),
        limit=_FIRST_PAGE,
        is_growing=True,
    )
    long = table.iter_query(search_keys.LONG_NAMES)
    return map(_name_hit, chain(rows, long))


def _hit(row: Row) -> Hit:
    return Hit(_id_of(row), codec.read_document(row, "t"))


def _name_hit(row: Row) -> NameHit:
    return NameHit(row["n"]["S"], Level(row["l"]["S"]), _id_of(row))


def _id_of(row: Row) -> OrthancId:
    return OrthancId(row["sk"]["S"].rpartition(keys.END)[2])
