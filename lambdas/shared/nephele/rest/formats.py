"""How a client wants tags to be shown."""

from __future__ import annotations

from collections.abc import Mapping

from nephele.domain.dicom_json import TagFormat
from nephele.errors import ParameterOutOfRange
from nephele.rest.arguments import words
from nephele.services.response_content import Content

_BY_PRECEDENCE = {
    "simplify": TagFormat.HUMAN,
    "short": TagFormat.SHORT,
    "full": TagFormat.FULL,
}

_ALWAYS_SHOWN = frozenset({"ID", "Type"})


def tag_format(arguments: Mapping[str, str], default: TagFormat) -> TagFormat:
    """Return the format asked for: the presence of an argument is enough."""
    asked = (kind for name, kind in _BY_PRECEDENCE.items() if name in arguments)
    return next(asked, default)


def resource_format(arguments: Mapping[str, str]) -> TagFormat:
    """Return the format for resources: names, unless asked otherwise."""
    return tag_format(arguments, TagFormat.HUMAN)


def data_set_format(arguments: Mapping[str, str]) -> TagFormat:
    """Return the format for whole data sets: full, unless asked otherwise."""
    return tag_format(arguments, TagFormat.FULL)


def response_content(arguments: Mapping[str, str]) -> frozenset[Content] | None:
    """Return the members of resources asked for, None where `expand` decides.

    Raises
    ------
    ParameterOutOfRange
        There is no such member.
    """
    if "response-content" not in arguments:
        return None
    names = words(arguments["response-content"], ";")
    try:
        return frozenset(Content(name) for name in names if name not in _ALWAYS_SHOWN)
    except ValueError:
        raise ParameterOutOfRange("response-content: there is no such member") from None
