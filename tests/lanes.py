"""Which tests the same process runs where `make test` has several: one local stack is one lane.

Lanes are taken in their order here by the next process that is free: the longest first.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_ASKED_FOR = "loadscope"
"""What `--dist` has to say."""
_LANES = {
    "differential": ("tests/differential/",),
    "stack": ("tests/system/", "tests/local/", "tests/edge/test_refusals.py"),
    "infrastructure": ("tests/infrastructure/",),
}
"""What shares the fixture of this name, or what else takes long to make."""
_OWN = (
    "tests/local/test_up.py",
    "tests/system/test_forward.py",
    "tests/system/test_jobs.py",
    "tests/system/test_must_hold.py",
    "tests/system/test_recycling.py",
    "tests/system/test_transcoding.py",
)
"""Modules with stacks of their own."""
_LAST = "tests/local/test_rare_grants.py"
"""Leaves things behind that other tests of the shared stack do not expect."""


def lane_of(nodeid: str) -> str:
    """Return the lane of a test: one of those above, or its module."""
    module = nodeid.partition("::")[0]
    if module not in _OWN:
        for lane, beginnings in _LANES.items():
            if module.startswith(beginnings):
                return lane
    return module


def _rank(nodeid: str) -> tuple[int, bool]:
    """Return the place of a lane's kind, and in the lane; those that are alike stay in order."""
    lane = lane_of(nodeid)
    return [*_LANES, *_OWN, lane].index(lane), nodeid.startswith(_LAST)


class LaneScheduling(LoadScopeScheduling):
    """Hands each lane to one process."""

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LaneScheduling | None:
    """Let lanes be handed out, where they are asked for."""
    return LaneScheduling(config, log) if config.getvalue("dist") == _ASKED_FOR else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the lanes in order; refuse a test that would start the shared stack in another lane."""
    items.sort(key=lambda item: _rank(item.nodeid))
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) and lane_of(item.nodeid) != "stack":
            raise pytest.UsageError(f"{item.nodeid} uses the shared stack: see {__name__}")
