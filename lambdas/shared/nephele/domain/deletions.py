"""Deletions that can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted with one call, and when.

    Attributes
    ----------
    deleted : str
        UTC, `YYYYMMDDTHHMMSS.ffffff`.
    is_recycled : bool
        It made room for something newer.
    expires : int
        Epoch second from which on it cannot be undone.
    """

    identifier: str
    level: Level
    orthanc_id: OrthancId
    deleted: str
    instances: int
    size_bytes: int
    main_tags: Mapping[str, str]
    is_recycled: bool
    expires: int
