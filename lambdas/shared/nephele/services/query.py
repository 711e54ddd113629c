"""C-FIND: the resources an identifier asks for, and what is answered of each.

The rules are Orthanc's; see docs/conformance.md. Matching is that of `/tools/find`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nephele.domain.attributes import tag_of
from nephele.domain.dictionary import is_private_creator
from nephele.domain.find_query import Constraint, FindQuery, Source, constraint_at, lower_level
from nephele.domain.levels import ORDER, Level
from nephele.domain.matching import Matcher, parse_matcher
from nephele.domain.query_identifier import QUERY_RETRIEVE_LEVEL, Key, Keys, level_of
from nephele.errors import BadRequest
from nephele.services.archive import Archive
from nephele.services.find import Found, find, iter_found
from nephele.services.hierarchy import resources_in_order
from nephele.services.requested_tags import COMPUTED
from nephele.settings.configuration import Configuration

RETRIEVE_AE_TITLE = 0x00080054
_SPECIFIC_CHARACTER_SET = 0x00080005
_TIMEZONE_OFFSET_FROM_UTC = 0x00080201
_FIRST_GROUP = 0x0008
_NEVER_MATCHED = frozenset(
    {QUERY_RETRIEVE_LEVEL, RETRIEVE_AE_TITLE, _SPECIFIC_CHARACTER_SET, _TIMEZONE_OFFSET_FROM_UTC}
)
_SET_BY_SERVER = frozenset({QUERY_RETRIEVE_LEVEL, RETRIEVE_AE_TITLE, _SPECIFIC_CHARACTER_SET})


@dataclass(frozen=True, slots=True)
class Query:
    """A C-FIND: where to look, for what, and what is wanted of each match."""

    level: Level
    matchers: Mapping[int, Matcher]
    wanted: tuple[Key, ...]
    limit: int


def parse_query(keys: Keys, configuration: Configuration) -> Query:
    """Read an identifier.

    Raises
    ------
    BadRequest
        There is no level in it, or a wildcard where there is none.
    """
    level = level_of(keys)
    if level is None:
        raise BadRequest("QueryRetrieveLevel (0008,0052) is missing")
    asked = [key for key in keys.values() if key.tag >> 16 >= _FIRST_GROUP and key.tag & 0xFFFF]
    wanted = tuple(key for key in asked if key.tag not in _SET_BY_SERVER)
    is_instance = level is Level.INSTANCE
    limit = configuration.limit_find_instances if is_instance else configuration.limit_find_results
    return Query(level, dict(_iter_matchers(asked, configuration)), wanted, limit)


def _iter_matchers(asked: list[Key], configuration: Configuration) -> Iterator[tuple[int, Matcher]]:
    for key in asked:
        if key.tag in _NEVER_MATCHED or key.items is not None or is_private_creator(key.tag):
            continue
        is_case_sensitive = key.vr != "PN" or configuration.case_sensitive_pn
        matcher = parse_matcher(
            key.text, key.vr, is_case_sensitive=is_case_sensitive, tag=tag_of(key.tag)
        )
        if matcher is not None:
            yield key.tag, matcher


def iter_matches(archive: Archive, query: Query) -> Iterator[Found]:
    """Yield what a query asks for: piece by piece in any order, unless a limit cuts it by ids.

    Raises as `matches`, perhaps after some was found.
    """
    if query.limit or _deepest(query) is not None:
        yield matches(archive, query)
        return
    mode = archive.configuration.storage_access_on_find
    yield from iter_found(archive, _find_query(query, query.level, mode, 0))


def matches(archive: Archive, query: Query) -> Found:
    """Return what a query asks for, ascending by id, as many as the limits allow.

    What is asked of a tag that only levels beneath keep is met by whatever has one resource
    beneath that meets all that is asked so.

    Raises
    ------
    BudgetExhausted
        More would have to be read than the archive's meter allows.
    """
    mode = archive.configuration.storage_access_on_find
    deepest = _deepest(query)
    if deepest is None:
        return find(archive, _find_query(query, query.level, mode, query.limit))
    found = find(archive, _find_query(query, deepest, mode, 0))
    below_it = resources_in_order(archive, found.ids)
    ids = sorted({one.ancestors[query.level] for one in below_it})
    if any(_is_of_level(query.level, number) for number in query.matchers):
        ids = sorted({*ids} & {*find(archive, _find_query(query, query.level, mode, 0)).ids})
    return Found(ids[: query.limit or None], found.index)


def _deepest(query: Query) -> Level | None:
    """Return the lowest of the levels beneath that keep something that is asked for."""
    below = [lower_level(query.level, number) for number in query.matchers]
    return max((one for one in below if one is not None), key=ORDER.index, default=None)


def _find_query(query: Query, level: Level, mode: str, limit: int) -> FindQuery:
    constraints: list[Constraint] = []
    for number, matcher in query.matchers.items():
        if level is query.level and lower_level(level, number) is not None:
            continue
        constraint = constraint_at(level, number, matcher)
        if level is not query.level and _is_of_level(query.level, number):
            continue
        if constraint.source is not Source.HEADER or mode == "Always":
            constraints.append(constraint)
    return FindQuery(level, tuple(constraints), limit=limit)


def _is_of_level(level: Level, number: int) -> bool:
    """Tell whether a tag belongs to a level as a whole: only there it can be compared."""
    return (level, tag_of(number)) in COMPUTED
