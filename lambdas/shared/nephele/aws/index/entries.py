"""Receptions to be indexed, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from nephele.domain.header import InstanceHeader
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import StoredFile


class Outcome(StrEnum):
    """What a commit did with a reception."""

    ADDED = "added"
    REPLACED = "replaced"
    """Another reception stood there and lost."""
    KNOWN = "known"
    """This very reception is in the index already."""
    LOST = "lost"
    """Another reception stands and keeps its place."""
    ENDED = "ended"
    """This reception was deleted, replaced or refused before; nothing brings it back."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A reception to be indexed."""

    header: InstanceHeader
    file: StoredFile

    @property
    def orthanc_id(self) -> OrthancId:
        """Return the instance's id."""
        return self.header.identity.orthanc_id(Level.INSTANCE)


SameContent = Callable[[StoredFile, StoredFile], bool]
"""Tells whether two receptions hold the same data set."""
HasObject = Callable[[StoredFile], bool]
"""Tells whether the object of a reception is in the bucket."""
