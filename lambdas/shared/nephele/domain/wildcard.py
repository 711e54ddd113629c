"""Orthanc's wildcards: `*` is any text, `?` one character."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def _pattern(wildcard: str) -> re.Pattern[str]:
    """Return a pattern that never tries a `*` twice, so that no wildcard takes long.

    Each text between two `*` may be taken where it is found first: atomic groups say so.
    """
    first, *others = map(_literal, re.split(r"\*+", wildcard))
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    atoms = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{atoms}.*{last}", re.DOTALL)


def _literal(text: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in text)


def has_wildcard(text: str) -> bool:
    """Tell whether a text holds a wildcard character."""
    return "*" in text or "?" in text


def match_wildcard(value: str, wildcard: str) -> bool:
    """Match a whole value, case-sensitively. See PS3.4 C.2.2.2.4."""
    return _pattern(wildcard).fullmatch(value) is not None


def literal_prefix(wildcard: str) -> str:
    """Return what every value begins with that a wildcard matches."""
    return re.split(r"[*?]", wildcard, maxsplit=1)[0]


def longest_literal(wildcard: str) -> str:
    """Return the longest text that every value holds that a wildcard matches."""
    return max(re.split(r"[*?]", wildcard), key=len)
