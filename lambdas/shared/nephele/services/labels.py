"""Labels of resources."""

from __future__ import annotations

from dataclasses import replace

from nephele.aws.index import labels as rows
from nephele.domain.labels import is_label
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.domain.user_state import UserState
from nephele.errors import AnswerTooLarge, ParameterOutOfRange, UnknownResource
from nephele.services.archive import Archive
from nephele.services.hierarchy import require_resource
from nephele.services.journal import change_kept

MOST_LABELS = 500
"""Labels that one resource may have: its row has all of them."""


def has_label(archive: Archive, level: Level, identifier: str, label: str) -> bool:
    """Tell whether a resource has a label; UnknownResource if there is none."""
    return label in require_resource(archive, level, identifier).user.labels


def add_label(archive: Archive, level: Level, identifier: str, label: str) -> None:
    """Give a resource a label, any number of times.

    Raises
    ------
    ParameterOutOfRange
        The text cannot be a label.
    AnswerTooLarge
        It has too many already.
    UnknownResource
        There is no such resource.
    """
    _change(archive, level, identifier, label, is_wanted=True)


def remove_label(archive: Archive, level: Level, identifier: str, label: str) -> None:
    """Take a label from a resource; that it has none is no error. Raises as `add_label`."""
    _change(archive, level, identifier, label, is_wanted=False)


def _change(
    archive: Archive, level: Level, identifier: str, label: str, *, is_wanted: bool
) -> None:
    if not is_label(label):
        raise ParameterOutOfRange("A label has 1 to 64 letters, digits, '_' and '-'")

    def decide(resource: Resource) -> UserState:
        if resource.level is not level:
            raise UnknownResource("")
        labels = resource.user.labels - {label}
        if is_wanted and len(labels) >= MOST_LABELS:
            raise AnswerTooLarge(f"A resource has {MOST_LABELS} labels at most")
        return replace(resource.user, labels=labels | {label} if is_wanted else labels)

    change_kept(archive, OrthancId(identifier), decide)


def all_labels(archive: Archive) -> list[str]:
    """Return every label some resource has, ascending."""
    found = (label for level in Level for label in rows.iter_labels(archive.index.table, level))
    return sorted(set(found))
