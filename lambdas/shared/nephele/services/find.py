"""Searching the archive: the verb behind `/tools/find` and `/tools/count-resources`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from nephele.batches import batched
from nephele.domain.find_query import FindQuery
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.services.archive import Archive
from nephele.services.find_candidates import Candidate, Sieve
from nephele.services.find_order import in_order
from nephele.services.find_paths import Path, paths
from nephele.services.hierarchy import find_resource

_FIRST_ROUND = 100
_GROWTH = 4
_BATCH = 100
_WITH_OWN_TAGS = (Level.PATIENT, Level.STUDY)
"""Levels whose rows tell all there is to tell: a study has its own copy of its patient's tags."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, in the order asked for; `index` names the rows it was read from.

    Attributes
    ----------
    main_tags : mapping
        Those of patients and studies, as far as they were read on the way.
    """

    ids: list[OrthancId]
    index: str
    main_tags: Mapping[OrthancId, Mapping[str, str]] = field(default_factory=dict)


def find(archive: Archive, query: FindQuery) -> Found:
    """Search; ascending by id unless the query says otherwise.

    Several ways may lead to what is asked for. They are followed side by side, a few rows of each,
    then more, until one comes to its end: so the costliest never costs more than the cheapest
    does, times the number of ways.

    Raises
    ------
    BudgetExhausted
        More would have to be read than the archive's meter allows.
    """
    if _is_vain(archive, query):
        return Found([], "none: nothing has such a value")
    path, candidates = _shortest(archive, query, paths(archive.index, query))
    sieve = Sieve(archive, query, path.proven)
    matches: list[Candidate] = []
    enough = _enough(query, path)
    for batch in _iter_narrowed(sieve, candidates):
        matches += batch
        if enough is not None and len(matches) >= enough:
            break
    if query.order:
        ordered = in_order(archive, matches, query.order)
    else:
        ordered = sorted(matches, key=lambda one: one.orthanc_id)
    stop = query.since + query.limit if query.limit else None
    found = ordered[query.since : stop]
    return _found(found, path)


def iter_found(archive: Archive, query: FindQuery) -> Iterator[Found]:
    """Search as `find` does, and yield what is found while the rest is still being read.

    That is in no order, and all there is: the query's own order and limit do not count.
    """
    if _is_vain(archive, query):
        return
    path, candidates = _shortest(archive, query, paths(archive.index, query))
    for batch in _iter_narrowed(Sieve(archive, query, path.proven), candidates):
        yield _found(batch, path)


def _found(matches: list[Candidate], path: Path) -> Found:
    known = {
        one.orthanc_id: one.tags for one in matches if one.is_read and one.level in _WITH_OWN_TAGS
    }
    return Found([one.orthanc_id for one in matches], path.name, known)


def _is_vain(archive: Archive, query: FindQuery) -> bool:
    """Tell whether nothing can be found."""
    return query.is_impossible or not _has_parent(archive, query)


def _has_parent(archive: Archive, query: FindQuery) -> bool:
    if query.parent is None or query.parent_level is None:
        return True
    is_above = list(Level).index(query.parent_level) < list(Level).index(query.level)
    return is_above and find_resource(archive, query.parent_level, query.parent) is not None


def _shortest(
    archive: Archive, query: FindQuery, ways: list[Path]
) -> tuple[Path, Iterator[Candidate]]:
    """Return the way that ends first, and what it leads to that may be asked for."""
    if len(ways) == 1:
        sieve = Sieve(archive, query, ways[0].proven)
        return ways[0], (one for one in ways[0].candidates if one and sieve.admits(one))
    kept: list[list[Candidate]] = [[] for _ in ways]
    quota = _FIRST_ROUND
    while True:
        for path, found in zip(ways, kept, strict=True):
            sieve = Sieve(archive, query, path.proven)
            taken = list(islice(path.candidates, quota))
            found += [one for one in taken if one is not None and sieve.admits(one)]
            if len(taken) < quota:
                return path, iter(found)
        quota *= _GROWTH


def _iter_narrowed(sieve: Sieve, candidates: Iterator[Candidate]) -> Iterator[list[Candidate]]:
    """Narrow candidates down, batch by batch; yield each match once: it has one parent."""
    seen: set[OrthancId] = set()
    for batch in batched(candidates, _BATCH):
        fresh = {one.orthanc_id: one for one in batch if one.orthanc_id not in seen}
        seen.update(fresh)
        if matches := sieve.narrow(list(fresh.values())):
            yield matches


def _enough(query: FindQuery, path: Path) -> int | None:
    """Return how many matches suffice; None where all are needed to tell which come first."""
    if path.is_ascending and path.level is query.level and query.limit and not query.order:
        return query.since + query.limit
    return None
