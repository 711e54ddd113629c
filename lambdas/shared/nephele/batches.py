"""What is done so many at a time. `itertools.batched` needs Python 3.12, the source tree 3.11."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield items in order, `size` at a time and the rest at last; nothing for no items."""
    remaining = iter(items)
    while some := list(islice(remaining, size)):
        yield some
