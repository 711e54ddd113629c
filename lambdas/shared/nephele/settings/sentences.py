"""What is wrong with a value, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


def sentence(exc: ValidationError) -> str:
    """Return all names that there are not, else the first thing that is wrong, with its place."""
    errors = exc.errors(include_url=False, include_input=False)
    unknown = [_place(error) for error in errors if error["type"] == "extra_forbidden"]
    if unknown:
        return f"{', '.join(unknown)}: there is no such option"
    first = errors[0]
    reason = first["ctx"]["error"] if first["type"] == "value_error" else first["msg"]
    return f"{_place(first)}: {reason}"


def _place(error: ErrorDetails) -> str:
    return ".".join(str(part) for part in error["loc"] if part != "[key]")
