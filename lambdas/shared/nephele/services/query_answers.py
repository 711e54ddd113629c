"""What a C-FIND is answered: of each resource, what the query wants to know."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from nephele.aws.index import counts_of
from nephele.aws.index.table_reads import Begun
from nephele.batches import batched
from nephele.domain.attributes import tag_of
from nephele.domain.dicom_json import TagFormat, read_data_set
from nephele.domain.dictionary import is_private, is_private_creator
from nephele.domain.extra_tags import shown_tags
from nephele.domain.find_query import lower_level
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.query_answer import Answer, Answered, answered
from nephele.domain.query_identifier import Key
from nephele.domain.resources import Counts, Resource
from nephele.services.archive import Archive
from nephele.services.find import Found
from nephele.services.hierarchy import any_instance, in_parallel, resources_in_order
from nephele.services.query import Query
from nephele.services.requested_tags import COMPUTED, COUNTED, Compute, Count
from nephele.services.retrieve import data_set

_COMPUTED_TAGS = frozenset(tag for _, tag in COMPUTED)
_COSTLY = frozenset({"0008,0062"})
"""Computed tags for which more is read: the classes of all instances of a study."""
_WITHOUT_BLOCK = 0xFFFF00FF
_BATCH = 100
_BATCHES_AHEAD = 3


def iter_answers(archive: Archive, query: Query, pieces: Iterable[Found]) -> Iterator[list[Answer]]:
    """Yield the answers for resources, in batches; those deleted meanwhile are left out.

    The next batches are found and read while the one before is being sent. Where only counts are
    left to be read, that takes no threads: they would fight with the sender for the interpreter.
    """
    renderer = _Renderer(archive, query)
    waiting: deque[_Waiting] = deque()
    with ThreadPoolExecutor(_BATCHES_AHEAD, thread_name_prefix="answers") as pool:
        try:
            for batch in _iter_batches(pieces):
                waiting.append(renderer.begin(batch, pool))
                while waiting and (len(waiting) >= _BATCHES_AHEAD or waiting[0].is_there()):
                    yield waiting.popleft().answers()
            while waiting:
                yield waiting.popleft().answers()
        finally:
            for one in waiting:
                one.discard()
            pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A batch that is being read: whether it is there, its answers, and what forgets it."""

    is_there: Callable[[], bool]
    answers: Callable[[], list[Answer]]
    discard: Callable[[], object]


def _iter_batches(pieces: Iterable[Found]) -> Iterator[Found]:
    for piece in pieces:
        for ids in batched(piece.ids, _BATCH):
            yield replace(piece, ids=ids)


class _Renderer:
    """Makes answers; what several resources have above them is read once."""

    def __init__(self, archive: Archive, query: Query) -> None:
        self._archive = archive
        self._level = query.level
        self._matchers = query.matchers
        self._above: dict[OrthancId, Resource] = {}
        self._main: dict[str, Key] = {}
        self._counted: list[tuple[Key, Count]] = []
        self._computed: list[tuple[Key, Compute]] = []
        self._stored: list[Key] = []
        self._lower: list[Key] = []
        self._empty = {key.tag: _empty(key) for key in query.wanted}
        for key in query.wanted:
            self._sort(key)
        if self._stored:
            self._stored += self._lower

    def _sort(self, key: Key) -> None:
        """Find out where the values of a tag come from; some come from nowhere.

        What levels beneath keep may differ from one to the other: it is answered, as in Orthanc,
        where the header of one instance is read anyway.
        """
        tag = tag_of(key.tag)
        if is_private_creator(key.tag):
            self._empty[key.tag] = Answered(key.vr, key.text)
        elif (count := COUNTED.get((self._level, tag))) is not None:
            self._counted.append((key, count))
        elif (compute := COMPUTED.get((self._level, tag))) is not None:
            self._computed.append((key, compute))
        elif key.vr != "SQ" and any(tag in shown_tags(level) for level in self._levels):
            self._main[tag] = key
        elif lower_level(self._level, key.tag) is not None:
            self._lower.append(key)
        elif tag not in _COMPUTED_TAGS and (
            self._archive.configuration.storage_access_on_find != "Never"
        ):
            self._stored.append(key)

    @property
    def _levels(self) -> tuple[Level, ...]:
        """Return the levels that keep what is known of a resource, the highest first."""
        return ORDER[: ORDER.index(self._level) + 1]

    def begin(self, found: Found, pool: ThreadPoolExecutor) -> _Waiting:
        """Begin to make the answers for some resources, in their order."""
        is_plain = not (self._stored or self._computed)
        if not is_plain or any(one not in found.main_tags for one in found.ids):
            future = pool.submit(self._render, found)
            return _Waiting(future.done, future.result, future.cancel)
        if not self._counted:
            return _Waiting(lambda: True, lambda: self._plain(found), lambda: None)
        rows = self._archive.index.begin_resources(found.ids)
        return _Waiting(rows.has_arrived, lambda: self._count(found, rows), rows.discard)

    def _plain(self, found: Found) -> list[Answer]:
        return [self._with_main_tags(found.main_tags[one]) for one in found.ids]

    def _count(self, found: Found, rows: Begun) -> list[Answer]:
        counts = counts_of(rows.rows())
        known = ((found.main_tags[one], counts[one]) for one in found.ids if one in counts)
        return [self._with_counts(self._with_main_tags(tags), one) for tags, one in known]

    def _render(self, found: Found) -> list[Answer]:
        resources = resources_in_order(self._archive, found.ids)
        self._read_above(resources)
        if self._stored or any(tag_of(key.tag) in _COSTLY for key, _ in self._computed):
            return in_parallel(self._answer, resources)
        return [self._answer(resource) for resource in resources]

    def _read_above(self, resources: list[Resource]) -> None:
        """Read the levels above that keep something of what is wanted.

        A study has its own copy of its patient's tags.
        """
        own = shown_tags(self._level)
        if self._level in (Level.PATIENT, Level.STUDY) or own.issuperset(self._main):
            return
        ids = {one.ancestors[level] for one in resources for level in self._levels[1:-1]}
        if missing := ids - self._above.keys():
            self._above |= self._archive.index.resources(missing)

    def _answer(self, resource: Resource) -> Answer:
        answer = self._with_counts(self._with_main_tags(self._known(resource)), resource)
        for key, compute in self._computed:
            answer[key.tag] = Answered(key.vr, compute(self._archive, resource))
        if self._stored:
            self._add_stored(resource, answer)
        return answer

    def _with_counts(
        self, answer: dict[int, Answered], counted: Counts | Resource
    ) -> dict[int, Answered]:
        for key, count in self._counted:
            answer[key.tag] = Answered(key.vr, count(counted))
        return answer

    def _with_main_tags(self, known: Mapping[str, str]) -> dict[int, Answered]:
        answer = dict(self._empty)
        for tag, key in self._main.items():
            if value := known.get(tag):
                answer[key.tag] = Answered(key.vr, value)
        return answer

    def _known(self, resource: Resource) -> Mapping[str, str]:
        known: dict[str, str] = {}
        for level in self._levels[1:-1] if self._above else ():
            above = self._above.get(resource.ancestors[level])
            known |= above.main_tags if above is not None else {}
        return known | resource.main_tags

    def _add_stored(self, resource: Resource, answer: dict[int, Answered]) -> None:
        """Add what the stored header of one instance tells."""
        instance = any_instance(self._archive, resource)
        if instance is None:
            return
        encoded = self._archive.index.header(instance, self._archive.bucket)
        own = _own_tags(encoded, self._stored)
        shown = data_set(
            self._archive,
            instance,
            TagFormat.SHORT,
            ignore_length=frozenset(own.values()),
            only=frozenset(own.values()),
        )
        for key in self._stored:
            value = shown.get(tag_of(own.get(key.tag, 0)))
            if value is not None and self._may_show(key, value):
                answer[key.tag] = answered(key.vr, value)

    def _may_show(self, key: Key, value: object) -> bool:
        """Tell whether a value of a lower level is what was asked for: not all there may be."""
        matcher = self._matchers.get(key.tag) if key in self._lower else None
        return matcher is None or not isinstance(value, str) or matcher.matches(value)


def _empty(key: Key) -> Answered:
    return Answered(key.vr, () if key.vr == "SQ" else "")


def _own_tags(encoded: bytes, keys: list[Key]) -> dict[int, int]:
    """Return the tags that an instance keeps what is asked under; private blocks may differ."""
    own = {key.tag: key.tag for key in keys}
    private = {key.tag: key for key in keys if is_private(key.tag)}
    if private:
        elements, _ = read_data_set(encoded)
        places = {
            (element.creator, element.tag & _WITHOUT_BLOCK): element.tag
            for element in elements.values()
            if is_private(element.tag)
        }
        for tag, key in private.items():
            own[tag] = places.get((key.creator, tag & _WITHOUT_BLOCK), 0)
    return own
