"""Filter patterns of event-source mappings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_Rule = Callable[[Any, Any], bool]


def matches(patterns: Sequence[Mapping[str, Any]], record: Mapping[str, Any]) -> bool:
    """Tell whether a record passes: no pattern at all, or at least one that fits."""
    return not patterns or any(_fits(pattern, record) for pattern in patterns)


def check(pattern: Mapping[str, Any]) -> None:
    """Refuse a pattern this emulation does not know; ValueError names its rule."""
    for value in pattern.values():
        if isinstance(value, Mapping):
            check(value)
            continue
        for alternative in value:
            if isinstance(alternative, Mapping) and (unknown := set(alternative) - set(_RULES)):
                raise ValueError(f"filter rules that are not emulated: {sorted(unknown)}")


def _fits(pattern: Mapping[str, Any], value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(_fits_key(wanted, value, key) for key, wanted in pattern.items())


def _fits_key(wanted: Any, parent: Mapping[str, Any], key: str) -> bool:
    if isinstance(wanted, Mapping):
        return _fits(wanted, parent.get(key))
    return any(_fits_alternative(alternative, parent, key) for alternative in wanted)


def _fits_alternative(alternative: Any, parent: Mapping[str, Any], key: str) -> bool:
    if not isinstance(alternative, Mapping):
        return key in parent and parent[key] == alternative
    if "exists" in alternative:
        return (key in parent) is alternative["exists"]
    return key in parent and all(
        _RULES[name](argument, parent[key]) for name, argument in alternative.items()
    )


def _prefix(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and value.startswith(argument)


def _suffix(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and value.endswith(argument)


def _anything_but(argument: Any, value: Any) -> bool:
    return value not in (argument if isinstance(argument, list) else [argument])


def _exists(argument: Any, _value: Any) -> bool:
    return bool(argument)


_RULES: Mapping[str, _Rule] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "anything-but": _anything_but,
    "exists": _exists,
}
