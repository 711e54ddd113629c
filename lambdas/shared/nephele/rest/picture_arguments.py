"""Arguments of the routes that render: numbers that make no sense are refused by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nephele.errors import BadParameterType, ParameterOutOfRange
from nephele.rest.arguments import flag

if TYPE_CHECKING:
    from nephele.domain.rendering import Box

_FLOAT = re.compile(r"[ +-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_UNSIGNED = re.compile(r"[ +]?\d{1,9}", re.ASCII)
"""A plus sign is a blank in a query."""
_DEFAULT_QUALITY = 90
_MAXIMUM_QUALITY = 100


def quality_of(arguments: Mapping[str, str]) -> int:
    """Return the quality of JPEG, from 1 to 100.

    Raises
    ------
    BadParameterType
        It is no number.
    ParameterOutOfRange
        It is outside of its range.
    """
    quality = _unsigned(arguments, "quality", _DEFAULT_QUALITY)
    if not 1 <= quality <= _MAXIMUM_QUALITY:
        raise ParameterOutOfRange("quality: from 1 to 100")
    return quality


def window_of(arguments: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Return `window-center` and `window-width`, None where they are not given.

    Raises
    ------
    BadParameterType
        One is no finite number.
    """
    return _number(arguments, "window-center"), _number(arguments, "window-width")


def box_of(arguments: Mapping[str, str]) -> Box:
    """Return the box of `width`, `height` and `smooth`.

    Raises
    ------
    BadParameterType
        A side is no number.
    ParameterOutOfRange
        `smooth` is no boolean.
    """
    from nephele.domain.rendering import Box

    width, height = (_unsigned(arguments, name, 0) for name in ("width", "height"))
    return Box(width, height, flag(arguments, "smooth"))


def frame_number(text: str) -> int | None:
    """Return the number of a frame in a path, None where it is none."""
    return int(text) if _UNSIGNED.fullmatch(text) else None


def _unsigned(arguments: Mapping[str, str], name: str, default: int) -> int:
    text = arguments.get(name)
    if text is None:
        return default
    if not _UNSIGNED.fullmatch(text):
        raise BadParameterType(f"{name}: not an unsigned number")
    return int(text)


def _number(arguments: Mapping[str, str], name: str) -> float | None:
    text = arguments.get(name)
    if text is None:
        return None
    if not _FLOAT.fullmatch(text) or not math.isfinite(float(text)):
        raise BadParameterType(f"{name}: not a number")
    return float(text)
