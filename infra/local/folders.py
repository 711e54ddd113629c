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
        """A file that is there while, and only while, ministack's state is not saved."""
        return self.root / "unsaved"

    def describe(self, description: Mapping[str, object]) -> None:
        """Write the description, whole or not at all."""
        draft = self.description.with_suffix(".new")
        draft.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
        draft.replace(self.description)

    @contextmanager
    def opened(self) -> Iterator[bool]:
        """Hold the folder for this process.

        Yields whether the last one ended without saving: killed, or after a failure.

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
            was_interrupted = self._unsaved.exists()
            self._unsaved.touch()
            try:
                yield was_interrupted
                self._unsaved.unlink()
            finally:
                self.description.unlink(missing_ok=True)
                shutil.rmtree(self.temporary, ignore_errors=True)
