"""How a client wants tags to be shown."""

from __future__ import annotations

from collections.abc import Mapping

from nephele.domain.dicom_json import TagFormat

_BY_PRECEDENCE = {
    "simplify": TagFormat.HUMAN,
    "short": TagFormat.SHORT,
    "full": TagFormat.FULL,
}


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
