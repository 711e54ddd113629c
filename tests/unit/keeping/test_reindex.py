"""The index is built anew from the bucket and its journal, and equals the one before."""

from __future__ import annotations

from typing import Any

import pytest

from nephele.aws.index import changes
from nephele.domain.levels import Level
from nephele.services.archive import Archive
from nephele.services.reconcile import reconcile
from nephele.services.reindex import reindex
from tests.unit.keeping.conftest import clear_table, configured
from tests.unit.keeping.drill import (
    Drill,
    Place,
    Rows,
    Timer,
    all_rows,
    fill,
    furnish,
    last_receptions,
    told,
)

JOBS = 8
RESTORED = {Place(7, 1, 1).id_at(level) for level in Level}
"""What was brought back in the drill: that was later than its receptions."""


@pytest.fixture
def archive(kept: Archive) -> Archive:
    return configured(kept, StableAge=0, LogExportedResources=True)


def assert_equal(before: Rows, after: Rows) -> None:
    """Compare all items of two tables: see `told` and `NOT_REBUILT` for what differs."""
    one, other = told(before), told(after)
    assert other.items.keys() == one.items.keys()
    differing = {key: (row, other.items[key]) for key, row in one.items.items()}
    assert {key: both for key, both in differing.items() if both[0] != both[1]} == {}
    assert other.counters == one.counters
    assert other.order == one.order
    for parent, received in last_receptions(before).items():
        assert received <= other.times[parent]
        assert parent in RESTORED or received == other.times[parent]


def drill(archive: Archive, patients: int) -> Drill:
    fill(archive, patients)
    furnish(archive, patients)
    reconcile(archive, lambda: False)
    last = changes.last_sequence(archive.index.table)
    before = all_rows(archive)
    clear_table(archive)
    with Timer() as timer:
        rebuilt = reindex(archive, JOBS)
    assert rebuilt.failures == {}
    after = all_rows(archive)
    assert_equal(before, after)
    assert changes.last_sequence(archive.index.table) > last
    assert reindex(archive, JOBS).indexed == 0
    assert all_rows(archive) == after, "a second time changes nothing"
    return Drill(rebuilt.indexed, timer.seconds, timer.processor_seconds)


def test_drill(archive: Archive, capsys: Any) -> None:
    result = drill(archive, patients=40)
    assert result.instances > 1_800
    with capsys.disabled():
        print(f"\n{result}")  # noqa: T201


@pytest.mark.soak
def test_large_drill(archive: Archive, capsys: Any) -> None:
    result = drill(archive, patients=400)
    assert result.instances > 19_900
    with capsys.disabled():
        print(f"\n{result}")  # noqa: T201
