"""What an import has sent so far, one line a file: after an interruption it goes on from there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self


def state_path(command: str, *urls: str) -> Path:
    """Return where a command between servers is remembered (XDG's state directory)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    name = hashlib.sha256(" ".join(urls).encode()).hexdigest()[:16]
    return Path(base) / "nephele" / f"{command}-{name}"


class Journal:
    """Identities of files that are stored, each by its hash; a context manager."""

    def __init__(self, path: Path, *, is_new: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_new:
            path.unlink(missing_ok=True)
        self._path = path
        self._done = set(path.read_text().split()) if path.exists() else set()
        self._file = path.open("a", buffering=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def __contains__(self, identity: str) -> bool:
        return _hash(identity) in self._done

    def add(self, identity: str) -> None:
        """Remember a file."""
        self._done.add(_hash(identity))
        self._file.write(f"{_hash(identity)}\n")

    def remove(self) -> None:
        """Remove it from the disk: the import reached its end, the next one sends all again."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _hash(identity: str) -> str:
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()
