"""Objects that were read of late, kept in memory: an object of the archive never changes."""

from __future__ import annotations

import threading
from collections import OrderedDict


class ObjectCache:
    """The bytes of whole objects by key, those used last; any number of threads may share it.

    Parameters
    ----------
    maximum_bytes : int
        What is kept altogether; 0 keeps nothing.
    """

    def __init__(self, maximum_bytes: int = 0) -> None:
        self._maximum_bytes = maximum_bytes
        self._size_bytes = 0
        self._objects: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        return key in self._objects

    def get(self, key: str) -> bytes | None:
        """Return an object, None where it is not kept."""
        with self._lock:
            body = self._objects.get(key)
            if body is not None:
                self._objects.move_to_end(key)
            return body

    def put(self, key: str, body: bytes) -> None:
        """Keep an object; those that were not used for the longest time make room for it."""
        with self._lock:
            if key in self._objects or len(body) > self._maximum_bytes // 8:
                return
            self._objects[key] = body
            self._size_bytes += len(body)
            while self._size_bytes > self._maximum_bytes:
                _, oldest = self._objects.popitem(last=False)
                self._size_bytes -= len(oldest)
