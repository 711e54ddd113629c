"""Narrowing what a search found down to what it asked for, level by level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from nephele.domain.attributes import number_of
from nephele.domain.dicom_json import TagFormat
from nephele.domain.find_query import Constraint, FindQuery, LabelsConstraint, Source
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.services.archive import Archive
from nephele.services.hierarchy import any_instance, in_parallel
from nephele.services.metadata import named_metadata
from nephele.services.retrieve import data_set


@dataclass(frozen=True, slots=True)
class Candidate:
    """A resource that may be asked for.

    Attributes
    ----------
    tags : Mapping
        Main tags of its own and of levels above, as far as they were read.
    is_read : bool
        Whether its own are among them.
    """

    level: Level
    orthanc_id: OrthancId
    tags: Mapping[str, str]
    is_read: bool = False
    resource: Resource | None = None


def candidate(level: Level, orthanc_id: OrthancId) -> Candidate:
    """Return a candidate nothing is known of yet."""
    return Candidate(level, orthanc_id, {})


class Sieve:
    """Tells which candidates a search asks for; `proven` are tags that need no further look."""

    def __init__(self, archive: Archive, query: FindQuery, proven: frozenset[str]) -> None:
        self._archive = archive
        self._query = query
        self._tags = _open(query, Source.MAIN_TAGS, proven)
        self._modalities = _open(query, Source.SERIES, proven)
        self._headers = query.constraints_of(Source.HEADER)

    def admits(self, found: Candidate) -> bool:
        """Tell, without reading more, whether a candidate may be asked for."""
        return not found.is_read or self._fits(found, found.level, found.level)

    def narrow(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those, at the level of the search, that are asked for.

        Parameters
        ----------
        candidates : sequence of Candidate
            All of one level: that of the search, or one above it.
        """
        if not candidates:
            return []
        first = candidates[0].level
        levels = ORDER[ORDER.index(first) : ORDER.index(self._query.level) + 1]
        found = self._check(first, first, candidates)
        for above, level in pairwise(levels):
            found = self._check(first, level, self._children(above, level, found))
        return self._check_rest(self._check_above(first, found))

    def _children(self, above: Level, level: Level, parents: list[Candidate]) -> list[Candidate]:
        has_own_copy = above is Level.PATIENT
        families = in_parallel(
            self._archive.index.children, [parent.orthanc_id for parent in parents]
        )
        return [
            Candidate(level, child.orthanc_id, {} if has_own_copy else parent.tags)
            for parent, family in zip(parents, families, strict=True)
            for child in family
        ]

    def _check(
        self, first: Level, level: Level, candidates: Sequence[Candidate]
    ) -> list[Candidate]:
        """Compare what is kept at a level."""
        found = list(candidates)
        if any(level in constraint.levels for constraint in self._tags):
            found = self._read_tags(found)
        found = [one for one in found if self._fits(one, first, level)]
        if level is Level.STUDY and self._modalities:
            found = [one for one in self._read(found) if self._has_modalities(one)]
        return found

    def _fits(self, found: Candidate, first: Level, level: Level) -> bool:
        """Compare the constraints that are decided at a level: the lowest that keeps the tag.

        Those a level above `first` has a say in are compared at the end.
        """
        return all(
            _matches(constraint, found.tags)
            for constraint in self._tags
            if constraint.levels[-1] is level and not _reaches_above(constraint, first)
        )

    def _has_modalities(self, study: Candidate) -> bool:
        modalities = () if study.resource is None else study.resource.modalities
        return all(one.matcher.matches_any(modalities) for one in self._modalities)

    def _read_tags(self, candidates: list[Candidate]) -> list[Candidate]:
        if all(one.is_read for one in candidates):
            return candidates
        return [
            replace(one, tags={**one.tags, **one.resource.main_tags}, is_read=True)
            for one in self._read(candidates)
            if one.resource is not None
        ]

    def _read(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Read the resources that are not read yet; those deleted meanwhile are left out."""
        missing = [one.orthanc_id for one in candidates if one.resource is None]
        found = self._archive.index.resources(missing) if missing else {}
        read = (
            one if one.resource else replace(one, resource=found.get(one.orthanc_id))
            for one in candidates
        )
        return [one for one in read if one.resource is not None]

    def _check_above(self, first: Level, candidates: list[Candidate]) -> list[Candidate]:
        """Compare what is kept above the level the candidates began at."""
        open_constraints = [one for one in self._tags if _reaches_above(one, first)]
        levels = {level for one in open_constraints for level in one.levels}
        for level in reversed(ORDER[: ORDER.index(first)]):
            if level in levels:
                candidates = self._with_ancestors(level, candidates)
        return [
            one
            for one in candidates
            if all(_matches(constraint, one.tags) for constraint in open_constraints)
        ]

    def _with_ancestors(self, level: Level, candidates: list[Candidate]) -> list[Candidate]:
        read = self._read(candidates)
        ids = {one.resource.ancestors[level] for one in read if one.resource is not None}
        ancestors = self._archive.index.resources(sorted(ids))
        return [
            replace(one, tags={**ancestors[one.resource.ancestors[level]].main_tags, **one.tags})
            for one in read
            if one.resource is not None and one.resource.ancestors[level] in ancestors
        ]

    def _check_rest(self, candidates: list[Candidate]) -> list[Candidate]:
        """Compare labels, metadata, and what only the stored headers tell."""
        query = self._query
        if query.labels or query.labels_constraint is LabelsConstraint.NONE:
            candidates = [one for one in self._read(candidates) if self._has_labels(one)]
        if query.metadata:
            candidates = [one for one in self._read(candidates) if self._has_metadata(one)]
        if self._headers:
            read = self._read(candidates)
            answers = in_parallel(self._has_header, read)
            candidates = [one for one, is_wanted in zip(read, answers, strict=True) if is_wanted]
        return candidates

    def _has_labels(self, found: Candidate) -> bool:
        labels = frozenset() if found.resource is None else found.resource.user.labels
        return self._query.labels_constraint.admits(labels, self._query.labels)

    def _has_metadata(self, found: Candidate) -> bool:
        resource = found.resource
        values = {} if resource is None else named_metadata(self._archive, resource)
        return all(
            (value := values.get(name)) is not None and matcher.matches(value)
            for name, matcher in self._query.metadata
        )

    def _has_header(self, found: Candidate) -> bool:
        instance = None if found.resource is None else any_instance(self._archive, found.resource)
        if instance is None:
            return False
        numbers = frozenset(number_of(one.tag) for one in self._headers)
        tags = data_set(self._archive, instance, TagFormat.SHORT, only=numbers)
        return all(_matches(one, tags) for one in self._headers)


def _open(query: FindQuery, source: Source, proven: frozenset[str]) -> list[Constraint]:
    return [one for one in query.constraints_of(source) if one.tag not in proven]


def _reaches_above(constraint: Constraint, first: Level) -> bool:
    return any(ORDER.index(level) < ORDER.index(first) for level in constraint.levels)


def _matches(constraint: Constraint, tags: Mapping[str, object]) -> bool:
    """Compare one constraint; a tag that is absent never matches."""
    value = tags.get(constraint.tag)
    return isinstance(value, str) and constraint.matcher.matches(value)
