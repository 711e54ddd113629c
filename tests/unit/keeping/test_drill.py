"""An index rebuilt from the bucket and its journal equals the one before, item by item."""

from __future__ import annotations

from typing import Any

import pytest

from nephele.aws.index import changes
from nephele.services.archive import Archive
from nephele.services.reconcile import reconcile
from nephele.services.reindex import reindex
from tests.unit.keeping.conftest import clear_table, configured
from tests.unit.keeping.drill import Drill, Timer, all_rows, fill, furnish
from tests.unit.keeping.test_reindex import JOBS, assert_equal


@pytest.fixture(scope="module")
def opened(emulated: Archive) -> Archive:
    return emulated


@pytest.fixture
def archive(kept: Archive) -> Archive:
    return configured(kept, StableAge=0, LogExportedResources=True)


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
    result = drill(archive, patients=405)
    assert result.instances > 20_000
    with capsys.disabled():
        print(f"\n{result}")  # noqa: T201
