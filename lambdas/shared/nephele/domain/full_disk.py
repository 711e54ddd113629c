"""A full disk, said as what it is."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from nephele.errors import StorageFull

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def full_disk_translated(what: str = "a temporary file") -> Iterator[None]:
    """Raise StorageFull where there is no room on the disk for something."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        raise StorageFull(f"There is no room for {what}") from exc
