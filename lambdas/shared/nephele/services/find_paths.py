"""The ways to what a search asks for: which rows of the index it may be read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from nephele.aws.index import Index
from nephele.aws.index.labels import iter_labelled
from nephele.aws.index.search import (
    ALL_DATES,
    Dates,
    Hit,
    iter_dated,
    iter_identified,
    iter_named,
    iter_names_within,
    iter_of_modality,
    iter_studies,
)
from nephele.batches import batched
from nephele.domain.attributes import keyword_of
from nephele.domain.case import fold_case
from nephele.domain.find_query import (
    MODALITIES_IN_STUDY,
    Constraint,
    FindQuery,
    LabelsConstraint,
    Source,
)
from nephele.domain.levels import ORDER, Level
from nephele.domain.matching import Asked, Matcher
from nephele.domain.wildcard import literal_prefix, longest_literal
from nephele.services.find_candidates import Candidate, candidate
from nephele.services.hierarchy import in_parallel

_IDENTIFIERS = {
    "0008,0018": Level.INSTANCE,
    "0020,000e": Level.SERIES,
    "0020,000d": Level.STUDY,
    "0008,0050": Level.STUDY,
    "0010,0020": Level.PATIENT,
}
"""Tags with identifier rows, those that tell most first, and the level they name."""
_PATIENT_NAME = "0010,0010"
_STUDY_DATE = "0008,0020"
_MODALITY = "0008,0060"
_SHORTEST_LITERAL = 3
_NAMES_AT_ONCE = 4
_LONGEST_TEXT_BYTES = 500
"""No stored value is longer; DynamoDB refuses keys above 1,024 bytes."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way: rows that lead to all that is asked for, and to more.

    Attributes
    ----------
    name : str
        The index it reads, as `Explain` shows it.
    candidates : iterator
        One for each row; None for a row that leads to nothing.
    proven : frozenset of str
        Tags whose constraints whatever is found here meets.
    is_ascending : bool
        Whether candidates come in the order of their ids.
    """

    name: str
    level: Level
    candidates: Iterator[Candidate | None]
    proven: frozenset[str] = frozenset()
    is_ascending: bool = False


def paths(index: Index, query: FindQuery) -> list[Path]:
    """Return the ways to what is asked for, those that usually lead to less first.

    What is beneath one resource, or named by an identifier, is always read that way.
    """
    if query.parent is not None and query.parent_level is not None:
        start = iter([candidate(query.parent_level, query.parent)])
        return [Path(f"Parent{query.parent_level.value}", query.parent_level, start)]
    found = [
        *_by_identifiers(index, query),
        *_by_labels(index, query),
        *_by_name(index, query),
        *_by_study(index, query),
    ]
    return found or [_walk(index, query)]


def _texts(matcher: Matcher) -> tuple[str, ...]:
    """Return the values one of which is asked for; none where a range or a wildcard is."""
    return matcher.texts if matcher.asked in (Asked.EQUAL, Asked.LIST) else ()


def _by_identifiers(index: Index, query: FindQuery) -> Iterator[Path]:
    for tag, level in _IDENTIFIERS.items():
        constraint = query.constraint_on(tag)
        if constraint is None or constraint.source is not Source.MAIN_TAGS:
            continue
        values = _texts(constraint.matcher)
        if values and (all(values) or level is Level.PATIENT):
            found = _identified(index, tag, level, constraint.matcher)
            yield Path(_name_of(tag), level, found, frozenset({tag}))


def _identified(
    index: Index, tag: str, level: Level, matcher: Matcher
) -> Iterator[Candidate | None]:
    """Find resources by an identifier; their rows hold it as it was received."""
    for value in dict.fromkeys(matcher.texts):
        for orthanc_id, received in iter_identified(index.table, tag, value):
            yield candidate(level, orthanc_id) if matcher.matches(received) else None


def _by_labels(index: Index, query: FindQuery) -> Iterator[Path]:
    """Find resources by their labels: by each that all of them have, or by any of them."""
    if query.labels_constraint is LabelsConstraint.NONE or not query.labels:
        return
    is_any = query.labels_constraint is LabelsConstraint.ANY
    wanted = sorted(query.labels)
    for labels in [wanted] if is_any else [[label] for label in wanted]:
        found = (
            candidate(query.level, orthanc_id)
            for label in labels
            for orthanc_id in iter_labelled(index.table, query.level, label)
        )
        yield Path("Labels", query.level, found)


def _by_name(index: Index, query: FindQuery) -> Iterator[Path]:
    constraint = query.constraint_on(_PATIENT_NAME)
    if constraint is None:
        return
    level = Level.PATIENT if query.level is Level.PATIENT else Level.STUDY
    matcher = constraint.matcher
    if names := _texts(matcher):
        if all(names):
            yield Path("PatientName", level, _named(index, level, names))
        return
    wildcard = fold_case(matcher.texts[0])
    prefix, literal = literal_prefix(wildcard), longest_literal(wildcard)
    if prefix:
        hits = _hits(level, iter_named(index.table, level, _clip(prefix)))
        yield Path("PatientName, beginning", level, hits)
    if len(literal) >= _SHORTEST_LITERAL and len(literal) > len(prefix):
        yield Path("PatientName, within", level, _within(index, level, matcher, literal))


def _named(index: Index, level: Level, names: Iterable[str]) -> Iterator[Candidate]:
    def read(folded: str) -> list[Hit]:
        return list(iter_named(index.table, level, folded, is_whole=True))

    for some in batched(dict.fromkeys(map(fold_case, names)), _NAMES_AT_ONCE):
        short = [name for name in some if len(name.encode()) <= _LONGEST_TEXT_BYTES]
        yield from _hits(level, chain.from_iterable(in_parallel(read, short)))


def _within(
    index: Index, level: Level, matcher: Matcher, literal: str
) -> Iterator[Candidate | None]:
    """Find names that hold a text anywhere; then, for studies, the studies of each such name."""
    yield from _hits(level, iter_named(index.table, level, _clip(literal)))
    names: list[str] = []
    for hit in iter_names_within(index.table, literal):
        is_wanted = matcher.matches(hit.name)
        if is_wanted and level is Level.PATIENT and hit.level is level:
            yield candidate(level, hit.orthanc_id)
            continue
        if is_wanted:
            names.append(hit.name)
        yield None
    if level is Level.STUDY:
        yield from _named(index, level, names)


def _by_study(index: Index, query: FindQuery) -> Iterator[Path]:
    if query.level is Level.PATIENT:
        return
    ranges = _date_ranges(query.constraint_on(_STUDY_DATE))
    tag = MODALITIES_IN_STUDY if query.level is Level.STUDY else _MODALITY
    constraint = query.constraint_on(tag)
    modalities = () if constraint is None else _texts(constraint.matcher)
    if constraint is not None and modalities and all(modalities):
        is_proof = tag == MODALITIES_IN_STUDY and not constraint.matcher.is_case_sensitive
        name = f"{_name_of(tag)} and StudyDate" if ranges else _name_of(tag)
        hits = _of_modalities(index, modalities, ranges or (ALL_DATES,))
        yield Path(name, Level.STUDY, hits, frozenset({tag} if is_proof else ()))
    elif ranges:
        hits = chain.from_iterable(_hits(Level.STUDY, iter_dated(index.table, r)) for r in ranges)
        yield Path("StudyDate", Level.STUDY, hits)


def _of_modalities(
    index: Index, modalities: Iterable[str], ranges: Iterable[Dates]
) -> Iterator[Candidate]:
    folded = dict.fromkeys(map(fold_case, modalities))
    return chain.from_iterable(
        _hits(Level.STUDY, iter_of_modality(index.table, modality, dates))
        for modality in folded
        for dates in ranges
        if len(modality.encode()) <= _LONGEST_TEXT_BYTES
    )


def _date_ranges(constraint: Constraint | None) -> tuple[Dates, ...]:
    """Return the ranges of dates that are asked for; none where dates do not matter."""
    if constraint is None:
        return ()
    folded = [fold_case(text) for text in constraint.matcher.texts]
    if any(len(text.encode()) > _LONGEST_TEXT_BYTES for text in folded):
        return ()
    if constraint.matcher.asked is Asked.RANGE:
        return (Dates(*folded),)
    return tuple(Dates(text, text) for text in dict.fromkeys(folded)) if all(folded) else ()


def _walk(index: Index, query: FindQuery) -> Path:
    """Return the way through all there is: of studies' search rows where those can decide."""
    levels = [level for one in query.constraints_of(Source.MAIN_TAGS) for level in one.levels[:1]]
    top = min(levels, key=ORDER.index, default=query.level)
    if Level.STUDY in levels:
        return Path("all studies", top, _hits(top, iter_studies(index.table)))
    found = (candidate(top, orthanc_id) for orthanc_id in index.iter_level(top))
    return Path(f"all {top.collection} by id", top, found, is_ascending=True)


def _hits(level: Level, hits: Iterable[Hit]) -> Iterator[Candidate]:
    return (Candidate(level, hit.orthanc_id, hit.main_tags, is_read=True) for hit in hits)


def _clip(text: str) -> str:
    return text.encode()[:_LONGEST_TEXT_BYTES].decode("utf-8", "ignore")


def _name_of(tag: str) -> str:
    return "ModalitiesInStudy" if tag == MODALITIES_IN_STUDY else keyword_of(tag)
