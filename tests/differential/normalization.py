"""Named rules for what can never be equal: when, by whom, and under which random name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from tests.differential.observations import Answer

_DATE = re.compile(r"2\d{3}[01]\d[0-3]\dT[0-2]\d[0-5]\d[0-6]\d")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMED_BY_UUID = re.compile(rf'filename="{_UUID.pattern}')
_NUMBER = re.compile(r"[1-9]\d*")


@dataclass(frozen=True, slots=True)
class Rule:
    """Replaces a value of the right shape by the rule's name; a wrong shape stays as it is."""

    name: str
    field: str
    shape: re.Pattern[str]


_RULES = (
    Rule("a time", "LastUpdate", _DATE),
    Rule("a time", "Date", _DATE),
    Rule("a time", "ReceptionDate", _DATE),
    Rule("a uuid", "FileUuid", _UUID),
    Rule("a uuid", "Uuid", _UUID),
    Rule("a port", "DicomPort", _NUMBER),
    Rule("a port", "HttpPort", _NUMBER),
)
_BY_FIELD = {rule.field: rule for rule in _RULES}

_TEXTS = (
    (re.compile(r"GET /.*/metadata/(LastUpdate|ReceptionDate)"), Rule("a time", "", _DATE)),
    (re.compile(r"GET /tools/now(-local)?\b.*"), Rule("a time", "", _DATE)),
    (re.compile(r"GET /tools/generate-uid\?level=patient"), Rule("a uuid", "", _UUID)),
    (
        re.compile(r"GET /tools/generate-uid\?level=(study|series|instance)"),
        Rule("a uid", "", re.compile(r"1\.2\.276\.0\.7230010\.3\.1\.[234](\.\d+)+")),
    ),
)


def normalized(route: str, answer: Answer) -> Answer:
    """Return an answer with what varies replaced."""
    answer = _without_uuid(answer)
    for pattern, rule in _TEXTS:
        if pattern.fullmatch(route) and rule.shape.fullmatch(answer.body.decode("latin-1")):
            return replace(answer, body=rule.name.encode())
    if answer.body[:1] not in {b"{", b"["}:
        return answer
    try:
        value = json.loads(answer.body)
    except ValueError:
        return answer
    return replace(answer, body=json.dumps(_normalize(value), sort_keys=True).encode())


def _without_uuid(answer: Answer) -> Answer:
    """Return an answer whose file is not named by a random uuid."""
    name = answer.headers.get("content-disposition", "")
    shown = _NAMED_BY_UUID.sub('filename="a uuid', name)
    if shown == name:
        return answer
    return replace(answer, headers={**answer.headers, "content-disposition": shown})


def _normalize(value: Any) -> Any:
    if isinstance(value, list):
        return [_normalize(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _replace(name, _normalize(item)) for name, item in value.items()}


def _replace(field: str, value: Any) -> Any:
    rule = _BY_FIELD.get(field)
    is_scalar = isinstance(value, str | int) and not isinstance(value, bool)
    if rule is None or not is_scalar or not rule.shape.fullmatch(str(value)):
        return value
    return rule.name
