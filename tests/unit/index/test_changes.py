"""The change log: gapless numbers, pages in both directions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nephele.services.archive import Archive
from nephele.services.changes import changes, last_change
from tests.unit.conftest import committer_of, empty_archive, entry


@pytest.fixture(scope="module")
def log() -> Iterator[Archive]:
    """Return an archive with 123 changes in several blocks."""
    with empty_archive() as archive:
        committer = committer_of(archive)
        for start in range(0, 120, 20):
            committer.commit([entry(f"1.2.3.{n}", uuid=f"u{n}") for n in range(start, start + 20)])
        yield archive


def _numbers(archive: Archive, **arguments: object) -> list[int]:
    return [c.sequence for c in changes(archive, **arguments).changes]  # type: ignore[arg-type]


def test_a_reader_who_follows_last_sees_every_number_once(log: Archive) -> None:
    seen: list[int] = []
    page = changes(log, since=0, limit=7)
    while page.changes:
        seen += [change.sequence for change in page.changes]
        page = changes(log, since=page.last, limit=7)
    assert seen == list(range(1, 124))
    assert page.done
    assert page.last == 123


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, list(range(1, 101))),
        ({"since": 100}, list(range(101, 124))),
        ({"since": 121, "limit": 1}, [122]),
        ({"since": 123}, []),
        ({"since": 999}, []),
        ({"limit": 0}, list(range(1, 124))),
        ({"to": 5}, [1, 2, 3, 4, 5]),
        ({"to": 50, "limit": 3}, [48, 49, 50]),
        ({"to": 999, "limit": 2}, [122, 123]),
        ({"since": 10, "to": 12}, [11, 12]),
        ({"types": frozenset({"NewPatient"})}, [4]),
    ],
    ids=str,
)
def test_pages(log: Archive, arguments: dict[str, object], expected: list[int]) -> None:
    assert _numbers(log, **arguments) == expected


def test_done_says_whether_there_is_more(log: Archive) -> None:
    assert not changes(log, since=0, limit=122).done
    assert changes(log, since=0, limit=123).done
    assert not changes(log, to=50, limit=3).done


def test_the_last_change_alone(log: Archive) -> None:
    page = last_change(log)
    assert [change.sequence for change in page.changes] == [123]
    assert page.last == 123
