"""Modality worklists: which of them a query asks for, and what it is answered.

See PS3.4 annex K and, for what a query's sequences ask, C.2.2.2.6. A worklist is a data set in
Orthanc's short JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nephele.domain.attributes import SOP_INSTANCE_UID, SPECIFIC_CHARACTER_SET, tag_of
from nephele.domain.matching import Matcher, match_data_set, parse_matcher
from nephele.domain.matching import Query as TagQuery
from nephele.domain.query_answer import Answer, Answered, answer_of, answered
from nephele.domain.query_identifier import Key, Keys
from nephele.errors import BadRequest

Worklist = Mapping[str, Any]

_SCHEDULED_PROCEDURE_STEP_SEQUENCE = 0x00400100
_SCHEDULED_STATION_AE_TITLE = 0x00400001
_NOT_ASKED = frozenset({SPECIFIC_CHARACTER_SET, SOP_INSTANCE_UID})
_FIRST_GROUP = 0x0008


@dataclass(frozen=True, slots=True)
class WorklistQuery:
    """A query for worklists, read."""

    keys: Keys
    asked: TagQuery

    def matches(self, worklist: Worklist) -> bool:
        """Tell whether a worklist is asked for; a sequence it does not have is no obstacle."""
        present = {
            tag: asked
            for tag, asked in self.asked.items()
            if asked is None or isinstance(asked, Matcher) or tag in worklist
        }
        return match_data_set(worklist, present)

    def answer(self, worklist: Worklist) -> Answer:
        """Return what is wanted of a worklist."""
        return _extract(worklist, self.keys, self.asked)


def parse_worklist_query(keys: Keys, *, is_case_sensitive_name: bool) -> WorklistQuery:
    """Read an identifier.

    Raises
    ------
    BadRequest
        A sequence has several items, or there is a wildcard where there is none.
    """
    return WorklistQuery(keys, _parse(keys, is_case_sensitive_name=is_case_sensitive_name))


def _parse(keys: Keys, *, is_case_sensitive_name: bool) -> TagQuery:
    asked: dict[str, Matcher | TagQuery | None] = {}
    for tag, key in _relevant(keys):
        if key.items is None:
            is_sensitive = key.vr != "PN" or is_case_sensitive_name
            asked[tag_of(tag)] = parse_matcher(
                key.text, key.vr, is_case_sensitive=is_sensitive, tag=tag_of(tag)
            )
        elif len(key.items) > 1:
            raise BadRequest(f"{tag_of(tag)}: a sequence of a query has one item")
        else:
            item = key.items[0] if key.items else {}
            asked[tag_of(tag)] = _parse(item, is_case_sensitive_name=is_case_sensitive_name)
    return asked


def _relevant(keys: Keys) -> list[tuple[int, Key]]:
    return [
        (tag, key)
        for tag, key in keys.items()
        if tag >> 16 >= _FIRST_GROUP and tag & 0xFFFF and tag not in _NOT_ASKED
    ]


def _extract(data_set: Worklist, keys: Keys, asked: TagQuery) -> Answer:
    answer: dict[int, Answered] = {}
    for tag, key in _relevant(keys):
        value = data_set.get(tag_of(tag))
        nested = asked[tag_of(tag)]
        if key.items is None or isinstance(nested, Matcher | None) or not isinstance(value, list):
            answer[tag] = answered(key.vr, value)
            continue
        items = [item for item in value if match_data_set(item, nested)]
        if key.items and key.items[0]:
            answer[tag] = Answered("SQ", [_extract(item, key.items[0], nested) for item in items])
        else:
            answer[tag] = Answered("SQ", [answer_of(item) for item in items])
    return answer


def for_station(keys: Keys, aet: str) -> Keys:
    """Ask for what is scheduled for one station, where a query asks for any."""
    sequence = keys.get(_SCHEDULED_PROCEDURE_STEP_SEQUENCE)
    items = sequence.items if sequence is not None and sequence.items else ({},)
    station = items[0].get(_SCHEDULED_STATION_AE_TITLE)
    if station is not None and station.text not in ("", "*"):
        return keys
    own = Key(_SCHEDULED_STATION_AE_TITLE, "AE", aet)
    item = dict(sorted({**items[0], _SCHEDULED_STATION_AE_TITLE: own}.items()))
    changed = Key(_SCHEDULED_PROCEDURE_STEP_SEQUENCE, "SQ", items=(item, *items[1:]))
    return {**keys, _SCHEDULED_PROCEDURE_STEP_SEQUENCE: changed}
