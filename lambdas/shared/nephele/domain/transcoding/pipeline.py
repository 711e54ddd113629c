"""Working on items in several threads, their results in order, a few of them at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAITING = 2
"""Results, or items, that may wait while all threads are busy."""


def default_jobs() -> int:
    """Return how many threads have a core each."""
    return os.cpu_count() or 1


def map_in_order(
    work: Callable[[Item], Result], items: Iterable[Item], jobs: int
) -> Iterator[Result]:
    """Yield the results of a function, in the items' order.

    Items are taken in the caller's thread, at most `jobs` and two more before the first of their
    results is asked for: memory does not grow with their number.
    """
    if jobs < 2:
        yield from map(work, items)
        return
    running: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(jobs, thread_name_prefix="frames") as pool:
        try:
            for item in items:
                running.append(pool.submit(work, item))
                if len(running) >= jobs + _WAITING:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
