"""The modalities that are known: those of the configuration, and what was changed over REST.

Whoever changes or lists them reads the table, and so does each association they matter to; others
follow within a second. All keep what they know while the table cannot be read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nephele.aws.index import definitions
from nephele.aws.index.table_reads import Begun
from nephele.errors import BadFileFormat, InexistentItem, NepheleError
from nephele.logs import logger
from nephele.services.definitions import keep_definition
from nephele.settings.modality import Modality, is_name, read_modality

if TYPE_CHECKING:
    from nephele.services.archive import Archive

FOLLOWED_SECONDS = 1.0
"""How long a process may work with modalities that were changed meanwhile."""


@dataclass(slots=True)
class KnownModalities:
    """What a process last knew; `modalities` is None before.

    Attributes
    ----------
    read_at, asked_at : float
        As of `nephele.services.overrides.Followed`.
    """

    modalities: dict[str, Modality] | None = None
    read_at: float = field(default=0.0)
    asked_at: float = field(default=0.0)


@dataclass(frozen=True, slots=True)
class BegunModalities:
    """A reading of the modalities that has begun; `at` is when, of the monotonic clock."""

    rows: Begun
    at: float


def begin_modalities(archive: Archive, since: float = 0.0) -> BegunModalities | None:
    """Begin to read the modalities for `modalities`, unless those that are known will do.

    None too where that cannot be begun.
    """
    if _is_fresh(archive.known_modalities, since):
        return None
    at = time.monotonic()
    try:
        rows = definitions.begin_definitions(archive.index.table, definitions.MODALITIES)
    except NepheleError as error:
        logger.warning("modalities cannot be asked for", extra={"error": type(error).__name__})
        return None
    return BegunModalities(rows, at)


def modalities(
    archive: Archive, since: float = 0.0, begun: BegunModalities | None = None
) -> Mapping[str, Modality]:
    """Return the modalities by symbolic name, at most a second old.

    Parameters
    ----------
    since : float
        What was changed before this moment of the monotonic clock counts in any case.
    begun : BegunModalities, optional
        What `begin_modalities` has returned a moment ago.
    """
    known = archive.known_modalities
    if known.modalities is not None and _is_fresh(known, since):
        return known.modalities
    known.asked_at = time.monotonic()
    try:
        return current_modalities(archive, begun)
    except NepheleError as error:
        logger.warning("modalities are unknown", extra={"error": type(error).__name__})
        known.modalities = known.modalities or dict(archive.configuration.dicom_modalities)
        known.read_at = time.monotonic()
        return known.modalities


def _is_fresh(known: KnownModalities, since: float) -> bool:
    is_recent = time.monotonic() < known.asked_at + FOLLOWED_SECONDS
    return known.modalities is not None and known.read_at >= since and is_recent


def current_modalities(
    archive: Archive, begun: BegunModalities | None = None
) -> Mapping[str, Modality]:
    """Return the modalities by symbolic name, as they are now."""
    at = time.monotonic() if begun is None else begun.at
    found = dict(archive.configuration.dicom_modalities)
    if begun is None:
        changed = definitions.read_definitions(archive.index.table, definitions.MODALITIES)
    else:
        changed = definitions.definitions_of(begun.rows.rows())
    for name, value in changed.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = Modality.model_validate(value)
    known = archive.known_modalities
    known.modalities, known.read_at, known.asked_at = found, at, at
    return found


def require_modality(archive: Archive, name: str) -> Modality:
    """Return a modality.

    Raises
    ------
    InexistentItem
        There is none of this name.
    """
    modality = current_modalities(archive).get(name)
    if modality is None:
        raise InexistentItem("No modality with such symbolic name")
    return modality


def define_modality(archive: Archive, name: str, value: object) -> None:
    """Add a modality, or replace it, from either form of the configuration.

    Raises
    ------
    BadFileFormat
        The name or the value is not valid.
    ParameterOutOfRange
        There is no such manufacturer or retrieve method.
    """
    if not is_name(name):
        raise BadFileFormat("A modality's name has letters, digits, '_' and '-' only")
    described = read_modality(value).model_dump(by_alias=True)
    _keep(archive, name, described)


def forget_modality(archive: Archive, name: str) -> None:
    """Remove a modality.

    Raises
    ------
    InexistentItem
        There is none of this name.
    """
    require_modality(archive, name)
    _keep(archive, name, None)


def _keep(archive: Archive, name: str, value: dict[str, Any] | None) -> None:
    keep_definition(archive, definitions.MODALITIES, name, value)


def configuration_of(modality: Modality) -> dict[str, Any]:
    """Return a modality as Orthanc shows it."""
    return modality.model_dump(by_alias=True)
