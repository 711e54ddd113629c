"""Which tests the same process runs where `make test` has several: one local stack is one lane.

Lanes are taken in this order by the next process that is free: the longest first.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

TOGETHER = ("differential", "infrastructure")
"""Folders whose tests share what takes long to make."""
SHARED = "stack"
"""The fixture of the local stack that most of those use that have none of their own."""
_FIRST = ("differential", SHARED, "infrastructure")
_TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test its lane, where lanes are asked for (`--dist loadgroup`)."""
    if not getattr(config.option, "loadgroup", False):
        return
    modules: dict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        modules[item.path].append(item)
    lanes = {path: _lane(path, together) for path, together in modules.items()}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(lanes[item.path]))
    items.sort(key=lambda item: _rank(lanes[item.path]))


def _lane(module: Path, items: list[pytest.Item]) -> str:
    path = module.relative_to(_TESTS)
    if path.parts[0] in TOGETHER:
        return path.parts[0]
    if any(SHARED in getattr(item, "fixturenames", ()) for item in items):
        return SHARED
    return str(path)


def _rank(lane: str) -> int:
    """Return the place of a lane's kind; those that are alike stay in order."""
    if lane in _FIRST:
        return _FIRST.index(lane)
    return len(_FIRST) + lane.startswith("edge")
