"""Orthanc's dialect of JSON: comments, and variables of the environment."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from nephele.errors import ConfigurationError

_COMMENTS = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_VARIABLE = re.compile(r"\$\{([^{}:]+)(?::-([^{}]*))?\}")


def load_options(path: Path) -> dict[str, Any]:
    """Return the options of a file, as `parse_options`, with variables put in.

    Raises
    ------
    ConfigurationError
        The file cannot be read or is not JSON, or names a variable that is not set.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f"{path}: it is no text in UTF-8") from exc
    return parse_options(_VARIABLE.sub(_value, _without_comments(text)))


def _value(match: re.Match[str]) -> str:
    """Return what stands for `${NAME}` or `${NAME:-default}`.

    Orthanc puts nothing where there is neither: an empty password, for instance.
    """
    name, default = match.groups()
    found = os.environ.get(name, default)
    if found is None:
        raise ConfigurationError(f"${{{name}}}: there is no such variable in the environment")
    return found


def parse_options(text: str) -> dict[str, Any]:
    """Return the options as they are written, unchecked but for names that come twice."""
    try:
        options = json.loads(_without_comments(text), object_pairs_hook=_once)
    except json.JSONDecodeError as exc:
        raise ConfigurationError(f"configuration: not JSON: {exc}") from exc
    if not isinstance(options, dict):
        raise ConfigurationError("configuration: a JSON object is needed")
    return options


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says a name twice: one of the two would be lost in silence."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(f"{twice}: the name stands twice in one object")
    return found


def _without_comments(text: str) -> str:
    return _COMMENTS.sub(_keep_strings, text)


def _keep_strings(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else " "
