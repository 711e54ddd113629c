"""The data folder: what is where, and that only one local stack uses it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import DataInUse


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Paths under `--data`."""

    root: Path

    @property
    def assembly(self) -> Path:
        """Synthesized templates and bundles."""
        return self.root / "assembly"

    @property
    def tls(self) -> Path:
        """Our own certificate."""
        return self.root / "tls"

    @property
    def aws(self) -> Path:
        """What ministack keeps."""
        return self.root / "aws"

    @property
    def logs(self) -> Path:
        """One file for each process or function."""
        return self.root / "logs"

    @property
    def temporary(self) -> Path:
        """Files that mean nothing after a stop."""
        return self.root / "tmp"

    @property
    def runtime(self) -> Path:
        """What Lambda's runtime puts beside a function's own code."""
        return self.root / "runtime"

    @property
    def description(self) -> Path:
        """Where the running stack can be reached, as JSON."""
        return self.root / "stack.json"

    @property
    def _unsaved(self) -> Path:
        """A file that is there while functions run, and after them until all is saved."""
        return self.root / "unsaved"

    @property
    def is_unsaved(self) -> bool:
        """Tell whether the last process was killed, or failed, after functions ran in it."""
        return self._unsaved.exists()

    def mark_unsaved(self) -> None:
        """Note that ministack is going to know what it has not saved."""
        self._unsaved.touch()

    def mark_saved(self) -> None:
        """Note that ministack has saved its state, and that the index is whole."""
        self._unsaved.unlink(missing_ok=True)

    def describe(self, description: Mapping[str, object]) -> None:
        """Write the description, whole or not at all."""
        draft = self.description.with_suffix(".new")
        draft.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
        draft.replace(self.description)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises
        ------
        DataInUse
            Another process holds it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise DataInUse(
                    f"{self.root} is used by another local stack; choose another with --data"
                ) from exc
            os.set_inheritable(lock.fileno(), False)
            shutil.rmtree(self.temporary, ignore_errors=True)
            self.temporary.mkdir()
            self.description.unlink(missing_ok=True)
            try:
                yield
            finally:
                self.description.unlink(missing_ok=True)
                shutil.rmtree(self.temporary, ignore_errors=True)
