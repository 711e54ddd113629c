"""Options that were changed over REST: they live in the table and win over the file.

Whoever changes or asks for one reads the table, and so does each association; what else only works
under them follows within two seconds. All keep what they know while the table cannot be read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nephele.aws import journal
from nephele.aws.index.overrides import put_override, read_overrides
from nephele.domain.character_set import encoding_named
from nephele.domain.transfer_syntax import TRANSFER_SYNTAXES, accepted_transfer_syntaxes
from nephele.domain.wildcard import match_wildcard
from nephele.errors import NepheleError, ParameterOutOfRange
from nephele.logs import Category, Verbosity, logger, set_verbosity
from nephele.settings.configuration import Configuration

if TYPE_CHECKING:
    from nephele.services.archive import Archive

FOLLOWED_SECONDS = 2.0
"""How long a process may work under options that were changed meanwhile."""

_PAUSE_SECONDS = 30.0
"""How long a table that cannot be read is left alone."""
_DEFAULT_ENCODING = "DefaultEncoding"
_ACCEPTED_TRANSFER_SYNTAXES = "AcceptedTransferSyntaxes"
_UNKNOWN_SOP_CLASS_ACCEPTED = "UnknownSopClassAccepted"
_METRICS_ENABLED = "MetricsEnabled"
_LOG_LEVEL = "LogLevel"
_SWITCHES = tuple(
    name for name in Configuration.model_fields if name.endswith("_transfer_syntax_accepted")
)


@dataclass(slots=True)
class Followed:
    """What a process last knew of the options in force; `configuration` is None before.

    Attributes
    ----------
    read_at, asked_at : float
        When reading what is known began, and when anything was last asked for: by the monotonic
        clock.
    """

    configuration: Configuration | None = None
    read_at: float = field(default=0.0)
    asked_at: float = field(default=0.0)


def in_force(archive: Archive) -> Configuration:
    """Return the configuration with all that was changed, read from the table now."""
    begun = time.monotonic()
    overrides = read_overrides(archive.index.table)
    configuration = archive.configuration.model_copy(update=_fields(overrides))
    known = archive.followed
    known.configuration, known.read_at, known.asked_at = configuration, begun, begun
    set_verbosity(_levels(overrides))
    return configuration


def followed(archive: Archive, since: float = 0.0) -> Configuration:
    """Return the configuration in force, at most two seconds old where the table can be read.

    Parameters
    ----------
    since : float
        What was changed before this moment of the monotonic clock counts in any case.
    """
    known, now = archive.followed, time.monotonic()
    if (
        known.configuration is not None
        and known.read_at >= since
        and now < known.asked_at + FOLLOWED_SECONDS
    ):
        return known.configuration
    known.asked_at = now  # one thread reads, the others go on with what is known
    try:
        return in_force(archive)
    except NepheleError as error:
        logger.warning("options in force are unknown", extra={"error": type(error).__name__})
        known.configuration = known.configuration or archive.configuration
        known.read_at = known.asked_at = time.monotonic() + _PAUSE_SECONDS
        return known.configuration


def _fields(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of the configuration and their changed values."""
    fields: dict[str, Any] = {}
    if (syntaxes := overrides.get(_ACCEPTED_TRANSFER_SYNTAXES)) is not None:
        fields |= dict.fromkeys(_SWITCHES) | {"accepted_transfer_syntaxes": tuple(syntaxes)}
    names = {
        _DEFAULT_ENCODING: "default_encoding",
        _UNKNOWN_SOP_CLASS_ACCEPTED: "unknown_sop_class_accepted",
        _METRICS_ENABLED: "metrics_enabled",
    }
    return fields | {names[key]: value for key, value in overrides.items() if key in names}


def _keep(archive: Archive, name: str, value: object) -> None:
    put_override(archive.index.table, name, value)
    journal.keep_option(archive.bucket, name, value)


def _change(archive: Archive, name: str, value: object) -> Configuration:
    _keep(archive, name, value)
    return in_force(archive)


def set_default_encoding(archive: Archive, name: str) -> str:
    """Change `DefaultEncoding` and return Orthanc's spelling of it.

    Raises
    ------
    ParameterOutOfRange
        There is no such encoding.
    """
    try:
        known = encoding_named(name).name
    except KeyError:
        raise ParameterOutOfRange("Not a name of an encoding") from None
    return _change(archive, _DEFAULT_ENCODING, known).default_encoding


def set_accepted_transfer_syntaxes(archive: Archive, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Accept the transfer syntaxes these wildcards match, and no others; return them."""
    uids = [
        syntax.uid
        for syntax in TRANSFER_SYNTAXES
        if any(match_wildcard(syntax.uid, pattern) for pattern in patterns)
    ]
    return accepted_transfer_syntaxes(_change(archive, _ACCEPTED_TRANSFER_SYNTAXES, uids))


def set_unknown_sop_class_accepted(archive: Archive, *, is_accepted: bool) -> None:
    """Change `UnknownSopClassAccepted`."""
    _change(archive, _UNKNOWN_SOP_CLASS_ACCEPTED, is_accepted)


def set_metrics_enabled(archive: Archive, *, is_enabled: bool) -> None:
    """Change `MetricsEnabled`."""
    _change(archive, _METRICS_ENABLED, is_enabled)


def log_level(archive: Archive, category: Category | None = None) -> Verbosity:
    """Return the level of a category of logs; without one, the most verbose of all."""
    levels = _levels(read_overrides(archive.index.table))
    if category is not None:
        return levels[category]
    return max(levels.values(), key=list(Verbosity).index)


def set_log_level(archive: Archive, level: str, category: Category | None = None) -> None:
    """Change the level of a category of logs; without one, of all.

    Raises
    ------
    ParameterOutOfRange
        There is no such level.
    """
    if level not in set(Verbosity):
        raise ParameterOutOfRange('Verbosity can be "default", "verbose" or "trace"')
    changed = Category if category is None else (category,)
    for one in changed:
        _keep(archive, f"{_LOG_LEVEL}.{one}", level)
    in_force(archive)


def _levels(overrides: Mapping[str, Any]) -> dict[Category, Verbosity]:
    return {
        category: Verbosity(overrides.get(f"{_LOG_LEVEL}.{category}", Verbosity.DEFAULT))
        for category in Category
    }
