"""Orthanc's normalised identifiers: how they are stored and compared in lookups."""

from __future__ import annotations


def normalize_identifier(value: str) -> str:
    """Return Orthanc's normalised form: `%` and `_` to blank, ASCII only, upper case, stripped."""
    spaced = value.replace("%", " ").replace("_", " ")
    return "".join(char for char in spaced if " " <= char <= "~").upper().strip()


def matches_identifier(stored: str, wanted: str) -> bool:
    """Match as `/tools/lookup` does, given that both normalise alike.

    A wanted value in normalised form matches whatever normalises to it; any other one must equal
    the stored value but for case.
    """
    if wanted == normalize_identifier(wanted):
        return True
    return stored.casefold() == wanted.casefold()
