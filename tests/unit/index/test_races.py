"""Interleavings of commits and deletions that only two writers at once can make."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from nephele.aws.index import Index, keys
from nephele.aws.index.commit import Committer, Outcome
from nephele.aws.index.removal import remove_instances
from nephele.aws.index.table import Row
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Totals
from nephele.services.archive import Archive
from nephele.services.changes import changes
from nephele.services.delete import delete
from nephele.services.purge import purge
from nephele.services.versions import list_aside
from tests.unit.conftest import committer_of, entry


@dataclass(frozen=True)
class _Interrupted(Index):
    """An index in which somebody else deletes the same instance between two reads."""

    victim: OrthancId

    def rows(self, ids: Iterable[OrthancId]) -> dict[OrthancId, Row]:
        found = Index(self.table).rows(ids)
        remove_instances(Index(self.table), {self.victim: "u1"})
        return found


def test_an_instance_is_deleted_by_two_at_once(archive: Archive, committer: Committer) -> None:
    committer.commit([entry()])
    instance = entry().orthanc_id
    remove_instances(_Interrupted(archive.index.table, instance), {instance: "u1"})
    assert archive.index.totals() == Totals()


def test_a_late_commit_leaves_no_header_of_a_purged_reception(
    archive: Archive, committer: Committer
) -> None:
    received = entry()
    committer.commit([received])
    remove_instances(archive.index, {received.orthanc_id: "u1"})
    assert purge(archive, received.file.key)
    assert committer.commit([received]) == [Outcome.ENDED]
    assert archive.index.table.get(keys.header(received.orthanc_id, "u1")) is None


def test_the_header_of_a_version_aside_is_kept(archive: Archive, committer: Committer) -> None:
    later = entry(uuid="u2", received="20260102T000000.000000", content=b"other")
    committer.commit([entry(), later])
    assert committer.commit([later]) == [Outcome.ENDED]
    assert archive.index.table.get(keys.header(later.orthanc_id, "u2")) is not None
    assert len(list_aside(archive)) == 1


def test_the_winner_brings_its_place_in_the_series(archive: Archive) -> None:
    late = entry(uuid="u2", received="20260102T000000.000000", content=b"other", number=7)
    committer = committer_of(archive)
    assert committer.commit([late]) == [Outcome.ADDED]
    assert committer.commit([entry(number=3)]) == [Outcome.REPLACED]
    series = late.header.identity.orthanc_id(Level.SERIES)
    assert [child.index_in_series for child in archive.index.children(series)] == ["3"]


@pytest.mark.parametrize(("content", "times"), [(b"pixels", 1), (b"other", 2)])
def test_an_earlier_reception_of_the_same_content_is_no_news(
    archive: Archive, content: bytes, times: int
) -> None:
    late = entry(uuid="u2", received="20260102T000000.000000")
    committer = committer_of(archive)
    assert committer.commit([late]) == [Outcome.ADDED]
    assert committer.commit([entry(content=content)]) == [Outcome.REPLACED]
    new = [change for change in changes(archive).changes if change.change.level is Level.INSTANCE]
    assert len(new) == times


def test_versions_aside_go_with_their_instance(archive: Archive, committer: Committer) -> None:
    winner = entry(uuid="u1")
    loser = entry(uuid="u2", received="20260102T000000.000000", content=b"other")
    for received in (winner, loser):
        archive.bucket.put_large(received.file.key, io.BytesIO(b"pixels"), {})
    committer.commit([winner, loser])
    assert not purge(archive, loser.file.key), "kept aside while its instance is served"
    delete(archive, Level.INSTANCE, winner.orthanc_id)
    for key in (winner.file.key, loser.file.key):
        assert purge(archive, key)
    assert list_aside(archive) == []
    assert list(archive.bucket.iter_objects("dicom/")) == []
    assert committer.commit([loser]) == [Outcome.ENDED]


def test_an_instance_sent_again_and_again_does_not_fill_its_row(
    archive: Archive, committer: Committer
) -> None:
    committer.commit([entry(uuid="u0")])
    for n in range(1, 6):
        again = entry(uuid=f"u{n}", received=f"2026010{n}T000001.000000")
        assert committer.commit([again]) == [Outcome.LOST]
        assert purge(archive, again.file.key)
    (row,) = archive.index.rows([entry().orthanc_id]).values()
    assert "d" not in row
