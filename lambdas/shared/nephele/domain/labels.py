"""Labels: short words that users give to resources."""

from __future__ import annotations

import re

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_label(text: str) -> bool:
    """Tell whether a text can be a label: 1 to 64 letters, digits, `_` and `-`, as in Orthanc."""
    return _LABEL.fullmatch(text) is not None
