"""What a retrieve request names: from identifiers to instances, in the order they are sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from nephele.aws.index import children_of, identified_by
from nephele.aws.index.table_reads import iter_ahead
from nephele.domain.attributes import IDENTIFIERS
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.query_identifier import Keys, level_of
from nephele.domain.resources import Child
from nephele.errors import BadRequest, UnknownResource
from nephele.services.archive import Archive

_ACCESSION_NUMBER = 0x00080050
_LIST_SEPARATOR = "\\"
_AHEAD = 8
"""How many reads are under way besides the one that is waited for."""


def resolve(archive: Archive, keys: Keys) -> list[OrthancId]:
    """Return the instances beneath what an identifier names: series by series, by their index.

    Raises as `resolve_resources`.
    """
    level, ids = resolve_resources(archive, keys)
    instances = instances_beneath(archive, level, ids)
    if not instances:
        raise UnknownResource("nothing is named so")
    return instances


def resolve_resources(archive: Archive, keys: Keys) -> tuple[Level, list[OrthancId]]:
    """Return the resources that an identifier names, and their level.

    An AccessionNumber that is not empty wins over the Study Instance UID. Lists may name several;
    one of them that is unknown is passed over. Case does not count, nor do the identifiers of
    levels above. Without a level, the lowest one counts that has an identifier.

    Raises
    ------
    BadRequest
        There is no such level, or no identifier for it.
    UnknownResource
        Nothing is named so.
    """
    level, tag, values = _named(keys)
    looked_up = iter_ahead(lambda one: archive.index.begin_lookup(tag, one), values, _AHEAD)
    named = (identified_by(one, rows) for one, rows in zip(values, looked_up, strict=True))
    found = dict.fromkeys(chain.from_iterable(named))
    if not found:
        raise UnknownResource("nothing is named so")
    return level, list(found)


def _named(keys: Keys) -> tuple[Level, str, list[str]]:
    """Return the level, and the tag and values of its identifier."""
    asked = level_of(keys)
    for level in ORDER[::-1] if asked is None else (asked,):
        accession_number = _values(keys, _ACCESSION_NUMBER) if level is Level.STUDY else []
        if accession_number:
            return level, "0008,0050", accession_number
        identifier = IDENTIFIERS[level]
        if values := _values(keys, identifier.number):
            return level, identifier.tag, values
    raise BadRequest("the identifier names nothing at its level")


def _values(keys: Keys, tag: int) -> list[str]:
    key = keys.get(tag)
    values = [] if key is None else key.text.split(_LIST_SEPARATOR)
    return [value for value in (one.strip() for one in values) if value]


def instances_beneath(archive: Archive, level: Level, ids: Sequence[OrthancId]) -> list[OrthancId]:
    """Return the instances beneath resources of a level: series by series, by their index."""
    series = list(ids)
    if level is Level.INSTANCE:
        return series
    for _ in ORDER[ORDER.index(level) : ORDER.index(Level.SERIES)]:
        series = [child.orthanc_id for family in _families(archive, series) for child in family]
    families = _families(archive, series)
    return [child.orthanc_id for family in families for child in sorted(family, key=_place)]


def _families(archive: Archive, ids: Sequence[OrthancId]) -> Iterator[list[Child]]:
    """Yield what hangs under each of some resources, in their order."""
    return map(children_of, iter_ahead(archive.index.begin_children, ids, _AHEAD))


def instances_of(archive: Archive, ids: Sequence[str]) -> list[OrthancId]:
    """Return the instances beneath resources of any level, in the order they are named.

    What is named twice comes twice.

    Raises
    ------
    UnknownResource
        There is no such resource.
    """
    wanted = [OrthancId(one) for one in ids]
    found = archive.index.resources(wanted)
    instances: list[OrthancId] = []
    for orthanc_id in wanted:
        if orthanc_id not in found:
            raise UnknownResource("A resource was deleted meanwhile")
        level = found[orthanc_id].level
        instances += instances_beneath(archive, level, [orthanc_id])
    return instances


def _place(child: Child) -> tuple[bool, int, str]:
    """Return what orders instances: their index in the series, those without one behind."""
    text = (child.index_in_series or "").strip()
    try:
        return False, int(text), child.orthanc_id
    except ValueError:
        return True, 0, child.orthanc_id
