"""Case folding as Orthanc does it: accents are kept, and a text never changes its length."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    """Return a character's capital, unless that is several or takes it into or out of ASCII.

    The last condition keeps two texts that fold alike alike under
    `nephele.domain.identifiers.normalize_identifier` too, which drops what is not ASCII.
    """
    capital = character.upper()
    is_pair = len(capital) == 1 and capital.isascii() == character.isascii()
    return capital if is_pair else character


def fold_case(text: str) -> str:
    """Return a text in capitals: two that differ in case alone become equal."""
    if text.isascii():
        return text.upper()
    return "".join(map(_fold_character, text))
