"""Clearing the change log: numbers go on, nothing that was cleared is read again."""

from __future__ import annotations

import pytest

from nephele.aws.index import keys
from nephele.services.archive import Archive
from nephele.services.changes import changes, clear_changes, last_change
from tests.unit.conftest import committer_of, entry


def _numbers(archive: Archive, **arguments: object) -> list[int]:
    return [c.sequence for c in changes(archive, **arguments).changes]  # type: ignore[arg-type]


def test_clearing(archive: Archive) -> None:
    clear_changes(archive)
    committer = committer_of(archive)
    committer.commit([entry()])
    clear_changes(archive)
    page = changes(archive)
    assert (page.changes, page.last, page.done) == ((), 4, True)
    assert last_change(archive).changes == ()
    assert list(archive.index.table.iter_query(keys.CHANGES, up_to="9")) == [], "blocks are gone"
    committer.commit([entry("1.2.3.5", uuid="u2")])
    assert _numbers(archive) == _numbers(archive, to=99) == [5]
    assert [change.sequence for change in last_change(archive).changes] == [5]


def test_what_clearing_could_not_remove_is_not_read(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer_of(archive).commit([entry()])
    assert _numbers(archive) == [1, 2, 3, 4]
    monkeypatch.setattr("nephele.aws.index.changes._CLEARED_AT_ONCE", 0)
    clear_changes(archive)
    committer_of(archive).commit([entry("1.2.3.5", uuid="u2")])
    assert _numbers(archive) == _numbers(archive, since=2) == _numbers(archive, to=99) == [5]
