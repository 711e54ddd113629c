"""What local stacks note of their roles' grants, kept for the test that judges all of them.

`make test` runs tests in several processes, and names a folder for what each has noted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from xdist import is_xdist_controller

VARIABLE = "NEPHELE_TEST_NOTES"
"""Names the folder; without it nothing is kept."""


@dataclass(frozen=True, slots=True)
class Notes:
    """Of one process, or of all.

    Attributes
    ----------
    granted, used : set of str
        `function action area`.
    modules : set of str
        Paths of test modules that were run, relative to the repository.
    """

    granted: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)

    def add(self, grants: Mapping[str, list[str]]) -> None:
        """Remember what a stack's roles may do, and what of it was used so far."""
        self.granted.update(grants["granted"])
        self.used.update(grants["used"])


NOTES = Notes()
"""Of this process."""


def folder() -> Path | None:
    """Return the folder of all notes, where there is one."""
    name = os.environ.get(VARIABLE)
    return Path(name) if name else None


def read_notes(kept: Path) -> Notes:
    """Return what all processes have noted."""
    notes = Notes()
    for path in kept.glob("*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        notes.add(document)
        notes.modules.update(document["modules"])
    return notes


def pytest_runtest_logstart(location: tuple[str, int | None, str]) -> None:
    """Note that a test of this module is run."""
    NOTES.modules.add(location[0])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep what this process has noted."""
    kept = folder()
    if kept is None or is_xdist_controller(session):  # whose workers keep their own
        return
    kept.mkdir(parents=True, exist_ok=True)
    document = {
        "granted": sorted(NOTES.granted),
        "used": sorted(NOTES.used),
        "modules": sorted(NOTES.modules),
    }
    (kept / f"{os.getpid()}.json").write_text(json.dumps(document), encoding="utf-8")
