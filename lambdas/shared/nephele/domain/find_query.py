"""A search of the archive: what is asked for, at which level, in which order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from nephele.domain.attributes import tag_of
from nephele.domain.dictionary import vr_of
from nephele.domain.extra_tags import shown_tags
from nephele.domain.levels import ORDER, Level
from nephele.domain.matching import Matcher, parse_matcher
from nephele.domain.orthanc_id import OrthancId

MODALITIES_IN_STUDY = "0008,0061"


class Source(StrEnum):
    """Where the values stand that a constraint is compared with."""

    MAIN_TAGS = "main tags"
    SERIES = "the series beneath"
    HEADER = "stored headers"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Constraint:
    """What is asked of one tag.

    Attributes
    ----------
    levels : tuple of Level
        The levels, down to that of the search, that keep the tag. A study has its own copy of its
        patient's tags, as in Orthanc, and what is beneath goes by that.
    """

    tag: str
    matcher: Matcher
    source: Source
    levels: tuple[Level, ...] = ()


def constraint_at(level: Level, number: int, matcher: Matcher) -> Constraint:
    """Return a constraint of a search at a level on the tag of a number."""
    tag = tag_of(number)
    if tag == MODALITIES_IN_STUDY and level is Level.STUDY:
        return Constraint(tag, matcher, Source.SERIES, (Level.STUDY,))
    if vr_of(number) == "SQ":
        return Constraint(tag, matcher, Source.NOWHERE)
    keepers = [keeper for keeper in ORDER if tag in shown_tags(keeper)]
    if not keepers:
        return Constraint(tag, matcher, Source.HEADER)
    kept = [_keeper(keeper, level) for keeper in keepers if _is_above(keeper, level)]
    source = Source.MAIN_TAGS if kept else Source.NOWHERE
    return Constraint(tag, matcher, source, tuple(dict.fromkeys(kept)))


def _is_above(kept: Level, level: Level) -> bool:
    return ORDER.index(kept) <= ORDER.index(level)


def _keeper(kept: Level, level: Level) -> Level:
    return Level.STUDY if kept is Level.PATIENT and level is not Level.PATIENT else kept


def lower_level(level: Level, number: int) -> Level | None:
    """Return the first level beneath one that keeps a tag which neither it nor those above keep."""
    tag = tag_of(number)
    keepers = [keeper for keeper in ORDER if tag in shown_tags(keeper)]
    if not keepers or _is_above(keepers[0], level) or vr_of(number) == "SQ":
        return None
    return keepers[0]


def parse_constraints(
    level: Level, query: Mapping[int, str], *, is_case_sensitive: bool
) -> tuple[Constraint, ...]:
    """Read the values of a query, by tag; those that ask for nothing are left out.

    Raises
    ------
    ParameterOutOfRange
        A wildcard stands where there is none.
    """
    constraints = []
    for number, value in query.items():
        tag = tag_of(number)
        matcher = parse_matcher(value, vr_of(number), is_case_sensitive=is_case_sensitive, tag=tag)
        if matcher is not None:
            constraints.append(constraint_at(level, number, matcher))
    return tuple(constraints)


class LabelsConstraint(StrEnum):
    """Orthanc's `LabelsConstraint`."""

    ALL = "All"
    ANY = "Any"
    NONE = "None"

    def admits(self, labels: frozenset[str], wanted: frozenset[str]) -> bool:
        """Tell whether a resource with some labels is wanted.

        Without wanted labels, `None` asks for resources that have none.
        """
        if self is LabelsConstraint.NONE:
            return not (labels & wanted if wanted else labels)
        if not wanted:
            return True
        return wanted <= labels if self is LabelsConstraint.ALL else bool(labels & wanted)


def _real(value: str) -> float | None:
    """Return a number; what is not one cannot be ordered."""
    number = float(value)
    return None if math.isnan(number) else number


class OrderKind(StrEnum):
    """Orthanc's `Type` of an ordering."""

    DICOM_TAG = "DicomTag"
    DICOM_TAG_AS_INT = "DicomTagAsInt"
    DICOM_TAG_AS_FLOAT = "DicomTagAsFloat"
    METADATA = "Metadata"
    METADATA_AS_INT = "MetadataAsInt"
    METADATA_AS_FLOAT = "MetadataAsFloat"

    @property
    def is_tag(self) -> bool:
        """Tell whether the key is a tag, else it is a metadata."""
        return self.value.startswith("DicomTag")

    def read(self, value: str) -> float | str | None:
        """Return what a value is ordered by; None where it is no number and should be one."""
        try:
            if self.value.endswith("AsInt"):
                return int(value)
            return _real(value) if self.value.endswith("AsFloat") else value
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Ordering:
    """One key of an order; `key` is a tag (`"gggg,eeee"`) or the name of a metadata."""

    kind: OrderKind
    key: str
    is_descending: bool


@dataclass(frozen=True, slots=True)
class FindQuery:
    """A search.

    Attributes
    ----------
    parent : OrthancId or None
        Only what lies beneath this resource.
    metadata : tuple
        What is asked of the metadata of the level itself, by name.
    since, limit : int
        How many of what is found are left out, and how many are answered at most (0: all).
    """

    level: Level
    constraints: tuple[Constraint, ...] = ()
    parent_level: Level | None = None
    parent: OrthancId | None = None
    metadata: tuple[tuple[str, Matcher], ...] = ()
    labels: frozenset[str] = frozenset()
    labels_constraint: LabelsConstraint = LabelsConstraint.ALL
    order: tuple[Ordering, ...] = ()
    since: int = 0
    limit: int = 0

    @property
    def is_impossible(self) -> bool:
        """Tell whether something is asked of what no resource of this level has."""
        return any(constraint.source is Source.NOWHERE for constraint in self.constraints)

    def constraints_of(self, source: Source) -> list[Constraint]:
        """Return the constraints on values that stand in one place."""
        return [constraint for constraint in self.constraints if constraint.source is source]

    def constraint_on(self, tag: str) -> Constraint | None:
        """Return the constraint on a tag."""
        return next((one for one in self.constraints if one.tag == tag), None)
