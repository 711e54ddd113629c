"""The four levels of the DICOM model of the real world, as Orthanc names them."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """A level; the value is Orthanc's `Type`."""

    PATIENT = "Patient"
    STUDY = "Study"
    SERIES = "Series"
    INSTANCE = "Instance"

    @property
    def collection(self) -> str:
        """Return the level's path segment, as in `/studies`."""
        return _COLLECTIONS[self]

    @property
    def parent(self) -> Level | None:
        """Return the level above, None above patients."""
        position = ORDER.index(self)
        return ORDER[position - 1] if position else None

    @property
    def child(self) -> Level | None:
        """Return the level below, None below instances."""
        position = ORDER.index(self)
        return ORDER[position + 1] if position + 1 < len(ORDER) else None

    @classmethod
    def of_collection(cls, collection: str) -> Level:
        """Return the level of a path segment; KeyError if there is none."""
        return _LEVELS[collection]


ORDER: tuple[Level, ...] = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.INSTANCE)

_COLLECTIONS = {
    Level.PATIENT: "patients",
    Level.STUDY: "studies",
    Level.SERIES: "series",
    Level.INSTANCE: "instances",
}
_LEVELS = {collection: level for level, collection in _COLLECTIONS.items()}
_NAMES = {name: level for level in Level for name in (level.value.lower(), level.collection)} | {
    "image": Level.INSTANCE,
    "images": Level.INSTANCE,
}


def level_named(name: str) -> Level | None:
    """Return the level of a name in a query: in any case, singular or plural; None for no level."""
    return _NAMES.get(name.lower())
