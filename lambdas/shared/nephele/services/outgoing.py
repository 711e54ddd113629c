"""Instances on their way to another archive: read ahead, transcoded where that is asked.

What is small is fetched whole, several at a time, while those before are being sent; what is large
is read while it is sent. So waiting times do not add up, and memory stays bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from nephele.aws.index import resources_of
from nephele.aws.index.table_reads import Begun
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.errors import NepheleError, UnknownResource
from nephele.services.archive import Archive
from nephele.services.outgoing_instance import (
    LARGEST_AHEAD_BYTES,
    Outgoing,
    read_outgoing,
    unread,
)
from nephele.services.retrieve import file_of

_AHEAD = 12
"""How many are fetched ahead."""
_AHEAD_BYTES = 32 << 20
"""How much is fetched ahead, as far as it goes by whole objects."""
_ROWS_AT_ONCE = 100

_Batch = tuple[list[OrthancId], Begun]

Wanted = Callable[[Resource], Sequence[str]]
"""Tells which transfer syntaxes an instance may be sent in, in the order they are tried."""

Prepare = Callable[[Sequence[Resource]], None]
"""Takes notice of instances that come next."""


def iter_outgoing(
    archive: Archive, ids: Iterable[OrthancId], wanted: Wanted, prepare: Prepare | None = None
) -> Generator[Outgoing, None, None]:
    """Yield instances in order, each as soon as it is its turn and there.

    Those that cannot be sent have an `error`. Each is closed when the next one is asked for.

    Parameters
    ----------
    prepare : callable, optional
        Called with the rows of some instances at a time, in their order, before the first of them
        is read; what it raises ends the iteration.
    """
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="outgoing") as pool:
        yield from _Queue(archive, wanted, pool).iterate(ids, prepare)


class _Queue:
    """The instances that are being fetched, in their order."""

    def __init__(self, archive: Archive, wanted: Wanted, pool: ThreadPoolExecutor) -> None:
        self._archive = archive
        self._wanted = wanted
        self._pool = pool
        self._waiting: deque[tuple[int, Callable[[], Outgoing]]] = deque()

    def iterate(self, ids: Iterable[OrthancId], prepare: Prepare | None) -> Iterator[Outgoing]:
        """Yield the instances; rows are looked up while those before are being sent."""
        remaining = iter(ids)
        following = self._look_up(remaining)
        try:
            while following is not None:
                batch, rows = following
                found = resources_of(rows.rows())
                following = self._look_up(remaining)
                if prepare is not None:
                    prepare([found[one] for one in batch if one in found])
                for orthanc_id in batch:
                    self._begin(orthanc_id, found.get(orthanc_id))
                    while self._is_full():
                        yield from self._next()
            while self._waiting:
                yield from self._next()
        finally:
            if following is not None:
                following[1].discard()
            for _, get in self._waiting:
                if isinstance(get, _Fetched):
                    get.discard()

    def _look_up(self, remaining: Iterator[OrthancId]) -> _Batch | None:
        batch = list(islice(remaining, _ROWS_AT_ONCE))
        return (batch, self._archive.index.begin_resources(batch)) if batch else None

    def _is_full(self) -> bool:
        size_bytes = sum(size for size, _ in self._waiting)
        return len(self._waiting) > _AHEAD or size_bytes > _AHEAD_BYTES

    def _begin(self, orthanc_id: OrthancId, instance: Resource | None) -> None:
        def read() -> Outgoing:
            return self._read(orthanc_id, instance)

        size = 0 if instance is None or instance.file is None else instance.file.size_bytes
        if instance is None or size > LARGEST_AHEAD_BYTES or self._is_at_hand(instance):
            self._waiting.append((0, read))
        else:
            self._waiting.append((size, _Fetched(self._pool.submit(read))))

    def _is_at_hand(self, instance: Resource) -> bool:
        """Tell whether an instance is in memory, as it is to be sent: no thread is worth it."""
        if file_of(instance).key not in self._archive.object_cache:
            return False
        try:
            return self._wanted(instance)[:1] == [instance.metadata.get("TransferSyntax")]
        except NepheleError:
            return False

    def _next(self) -> Iterator[Outgoing]:
        _, get = self._waiting.popleft()
        outgoing = get()
        try:
            yield outgoing
        finally:
            outgoing.close()

    def _read(self, orthanc_id: OrthancId, instance: Resource | None) -> Outgoing:
        if instance is None:
            return Outgoing(orthanc_id, error=UnknownResource("it was deleted meanwhile"))
        try:
            return read_outgoing(self._archive, instance, self._wanted(instance))
        except NepheleError as exc:
            outgoing = unread(instance)
            outgoing.error = exc
            return outgoing


@dataclass(frozen=True, slots=True)
class _Fetched:
    """An instance that is being fetched by another thread."""

    future: Future[Outgoing]

    def __call__(self) -> Outgoing:
        return self.future.result()

    def discard(self) -> None:
        """Close it, whenever it is there."""
        if not self.future.cancel():
            self.future.add_done_callback(lambda done: done.result().close())
