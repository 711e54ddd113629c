"""Matching: what a query's value asks of a stored one. C-FIND, QIDO-RS and `/tools/find` use it.

The rules are Orthanc's, which are those of PS3.4 C.2.2.2 with four liberties: a list may be asked
for whatever the VR, ranges compare texts, upper and lower case may be told apart or not at any VR,
and padding counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nephele.domain.attributes import Matching, matching_of
from nephele.domain.case import fold_case
from nephele.domain.wildcard import has_wildcard, match_wildcard
from nephele.errors import ParameterOutOfRange

_LIST_SEPARATOR = "\\"
_COMPONENT_GROUPS = "="


class Asked(StrEnum):
    """What a value of a query asks for."""

    EQUAL = "equal"
    LIST = "list"
    RANGE = "range"
    WILDCARD = "wildcard"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One value of a query, ready to be compared.

    Attributes
    ----------
    texts : tuple of str
        The value, the values of a list, or both ends of a range (an open one empty); folded
        unless `is_case_sensitive`.
    """

    asked: Asked
    texts: tuple[str, ...]
    is_case_sensitive: bool

    def matches(self, value: str) -> bool:
        """Tell whether a stored value is what is asked for."""
        compared = value if self.is_case_sensitive else fold_case(value)
        if self.asked is Asked.RANGE:
            return _is_within(compared, *self.texts)
        if self.asked is Asked.WILDCARD:
            return match_wildcard(compared, self.texts[0])
        return compared in self.texts

    def matches_any(self, values: Iterable[str]) -> bool:
        """Tell whether one of several values is what is asked for."""
        return any(self.matches(value) for value in values)

    def matches_name(self, value: str) -> bool:
        """Match a person name: the whole of it, or one of its component groups.

        See PS3.5 6.2.1: alphabetic, ideographic and phonetic, separated by `=`.
        """
        return self.matches(value) or self.matches_any(value.split(_COMPONENT_GROUPS))


def _is_within(value: str, first: str, last: str) -> bool:
    """Compare texts; both ends are inclusive, an open one is empty. See PS3.4 C.2.2.2.5."""
    return first <= value and (not last or value <= last)


def parse_matcher(
    value: str, vr: str, *, is_case_sensitive: bool = False, tag: str = ""
) -> Matcher | None:
    r"""Read a query's value; None where it asks for nothing (universal matching).

    Parameters
    ----------
    value : str
        A range `a-b`, `a-` or `-b` (DA, DT, TM), a list `a\b`, a wildcard, or one value.
    tag : str
        What the error shall name.

    Raises
    ------
    ParameterOutOfRange
        A wildcard is asked for of a VR that has none.
    """
    folded = value if is_case_sensitive else fold_case(value)
    matching = matching_of(vr)
    if not value:
        return None
    if matching is Matching.RANGE and "-" in value:
        first, _, last = folded.partition("-")
        texts = (first, last)
        return Matcher(Asked.RANGE, texts, is_case_sensitive) if first or last else None
    if _LIST_SEPARATOR in value:
        return Matcher(Asked.LIST, tuple(folded.split(_LIST_SEPARATOR)), is_case_sensitive)
    if has_wildcard(value):
        if matching is not Matching.WILDCARD:
            raise ParameterOutOfRange(f"Wildcards are not allowed on tag {tag}")
        return Matcher(Asked.WILDCARD, (folded,), is_case_sensitive)
    return Matcher(Asked.EQUAL, (folded,), is_case_sensitive)


Query = Mapping[str, "Matcher | Query | None"]
"""What is asked of each tag (`"gggg,eeee"`) of a data set or an item; None asks for nothing."""


def match_data_set(data_set: Mapping[str, Any], query: Query) -> bool:
    """Match a data set, or an item of a sequence, in Orthanc's short JSON.

    A tag that is asked for and absent does not match. A sequence matches when one of its items
    does; a query without content asks for nothing. See PS3.4 C.2.2.2.6.
    """
    return all(_match_element(data_set.get(tag), asked) for tag, asked in query.items())


def _match_element(value: Any, asked: Matcher | Query | None) -> bool:
    if asked is None:
        return True
    if isinstance(asked, Matcher):
        return isinstance(value, str) and asked.matches(value)
    if all(nested is None for nested in asked.values()):
        return True
    return isinstance(value, list) and any(match_data_set(item, asked) for item in value)
