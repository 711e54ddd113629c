"""Orthanc's wildcards: `*` is any text, `?` one character."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def _pattern(wildcard: str) -> re.Pattern[str]:
    parts = (
        ".*" if character == "*" else "." if character == "?" else re.escape(character)
        for character in wildcard
    )
    return re.compile("".join(parts), re.DOTALL)


def has_wildcard(text: str) -> bool:
    """Tell whether a text holds a wildcard character."""
    return "*" in text or "?" in text


def match_wildcard(value: str, wildcard: str) -> bool:
    """Match a whole value, case-sensitively. See PS3.4 C.2.2.2.4."""
    return _pattern(wildcard).fullmatch(value) is not None
