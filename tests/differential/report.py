"""What a run found: differences that nobody meant, and entries of the table that are stale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from tests.differential.differ import Difference, Kind, compare
from tests.differential.differences import Intended
from tests.differential.observations import Observation


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of asking both servers."""

    subjects: frozenset[str]
    unmeant: tuple[Difference, ...]
    stale: tuple[Intended, ...]

    def about(self, subject: str) -> list[str]:
        """Return the differences of one test that nobody meant."""
        assert subject in self.subjects, f"not asked: {subject}"
        return [str(difference) for difference in self.unmeant if difference.subject == subject]


def report(
    orthanc: Sequence[Observation], nephele: Sequence[Observation], table: Iterable[Intended]
) -> Report:
    """Compare what both servers answered under the table of intended differences."""
    intended = list(table)
    met: set[int] = set()
    unmeant = []
    for difference in _differences(orthanc, nephele):
        covering = {number for number, entry in enumerate(intended) if entry.covers(difference)}
        met |= covering
        if not covering:
            unmeant.append(difference)
    stale = [entry for number, entry in enumerate(intended) if number not in met]
    subjects = frozenset(observation.subject for observation in orthanc)
    return Report(subjects, tuple(unmeant), tuple(stale))


def _differences(
    orthanc: Sequence[Observation], nephele: Sequence[Observation]
) -> Iterable[Difference]:
    theirs, ours = _by_subject(orthanc), _by_subject(nephele)
    for subject, answers in theirs.items():
        for one, other in zip_longest(answers, ours.get(subject, [])):
            if one is None or other is None:
                yield _unpaired(one, other)
            else:
                assert one.route == other.route, f"asked differently: {one.route}, {other.route}"
                yield from compare(one, other)


def _unpaired(orthanc: Observation | None, nephele: Observation | None) -> Difference:
    there = orthanc or nephele
    assert there is not None
    kind = Kind.MISSING if nephele is None else Kind.EXTRA
    status = str(there.answer.status)
    return Difference(there.subject, there.route, "answer", kind, status, status)


def _by_subject(observations: Iterable[Observation]) -> dict[str, list[Observation]]:
    grouped: dict[str, list[Observation]] = {}
    for observation in observations:
        grouped.setdefault(observation.subject, []).append(observation)
    return grouped
