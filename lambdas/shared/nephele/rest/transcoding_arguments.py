"""Arguments that ask for another transfer syntax."""

from __future__ import annotations

from collections.abc import Mapping

from nephele.domain.transfer_syntax import is_known
from nephele.errors import ParameterOutOfRange
from nephele.rest.arguments import unsigned

_QUALITY = "lossy-quality"


def transfer_syntax_argument(uid: str) -> str:
    """Return the UID of a transfer syntax; ParameterOutOfRange if there is no such one."""
    if not is_known(uid):
        raise ParameterOutOfRange("Unknown transfer syntax")
    return uid


def lossy_quality(arguments: Mapping[str, str]) -> int | None:
    """Return the quality that is asked for, None where none is.

    Raises
    ------
    BadParameterType
        It is no number.
    ParameterOutOfRange
        It is not between 1 and 100.
    """
    if _QUALITY not in arguments:
        return None
    quality = unsigned(arguments[_QUALITY])
    if not 1 <= quality <= 100:
        raise ParameterOutOfRange("The quality of lossy transcoding is between 1 and 100")
    return quality
