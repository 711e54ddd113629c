"""What is wrong with a value, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def sentence(exc: ValidationError) -> str:
    """Return the first thing that is wrong, and where it stands."""
    first = exc.errors(include_url=False, include_input=False)[0]
    location = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        return f"{location}: there is no such option"
    reason = first["ctx"]["error"] if first["type"] == "value_error" else first["msg"]
    return f"{location}: {reason}"
