"""Commits: what a reception does to the index, once, again, late and out of order."""

from __future__ import annotations

import itertools

import pytest

from nephele.aws.index.commit import Committer, Outcome
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import orthanc_id
from nephele.domain.resources import Totals
from nephele.services.archive import Archive
from nephele.services.changes import changes
from nephele.services.delete import delete
from nephele.services.versions import list_aside
from tests.unit.conftest import entry


def _changes(archive: Archive) -> list[str]:
    return [numbered.change.change_type for numbered in changes(archive).changes]


def test_a_series_is_readable_at_every_level(archive: Archive, committer: Committer) -> None:
    entries = [entry(f"1.2.3.{n}", uuid=f"u{n}", number=n) for n in range(1, 4)]
    assert committer.commit(entries) == [Outcome.ADDED] * 3
    ids = {level: entries[0].header.identity.orthanc_id(level) for level in ORDER}
    for level in ORDER:
        resource = archive.index.resource(ids[level])
        assert resource is not None
        assert resource.level is level
        assert resource.main_tags.items() >= entries[0].header.main_tags[level].items()
    series = archive.index.resource(ids[Level.SERIES])
    assert series is not None
    assert series.totals == Totals(instances=3, size_bytes=18)
    assert [child.index_in_series for child in archive.index.children(ids[Level.SERIES])]
    assert archive.index.totals() == Totals(1, 1, 1, 3, 18)
    assert list(archive.index.iter_level(Level.INSTANCE)) == sorted(e.orthanc_id for e in entries)
    assert archive.index.lookup("0010,0020", "PAT") == [ids[Level.PATIENT]]
    assert archive.index.lookup("0010,0020", "pat") == [ids[Level.PATIENT]]
    instance = archive.index.resource(ids[Level.INSTANCE])
    assert instance is not None
    assert archive.index.header(instance, archive.bucket) == b"header of 1.2.3.1"


def test_changes_stand_in_orthancs_order(archive: Archive, committer: Committer) -> None:
    committer.commit([entry("1.2.3.1", uuid="a"), entry("1.2.3.2", uuid="b")])
    assert _changes(archive) == [
        "NewInstance",
        "NewSeries",
        "NewStudy",
        "NewPatient",
        "NewInstance",
    ]
    assert [numbered.sequence for numbered in changes(archive).changes] == [1, 2, 3, 4, 5]


def test_a_repeated_event_changes_nothing(archive: Archive, committer: Committer) -> None:
    received = entry()
    committer.commit([received])
    before = archive.index.rows([received.orthanc_id])
    assert committer.commit([received]) == [Outcome.KNOWN]
    assert archive.index.rows([received.orthanc_id]) == before
    assert archive.index.totals().instances == 1
    assert len(_changes(archive)) == 4


def test_more_than_one_transaction_of_instances(archive: Archive, committer: Committer) -> None:
    entries = [entry(f"1.2.3.{n}", uuid=f"u{n}") for n in range(50)]
    assert set(committer.commit(entries)) == {Outcome.ADDED}
    assert archive.index.totals() == Totals(1, 1, 1, 50, 300)
    assert len(_changes(archive)) == 53


@pytest.mark.parametrize("overwrite", [False, True], ids=["keep-first", "overwrite"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_the_winner_does_not_depend_on_the_order_of_events(
    archive: Archive, order: tuple[int, ...], *, overwrite: bool
) -> None:
    receptions = [
        entry(uuid=f"u{n}", received=f"2026010{n + 1}T000000.000000", content=b"x" * (n + 1))
        for n in range(3)
    ]
    committer = Committer(
        archive.index, overwrite, lambda one, other: one.md5 == other.md5, lambda _: True
    )
    for n in order:
        committer.commit([receptions[n]])
    for n in order:  # each event comes twice
        assert committer.commit([receptions[n]])[0] in (Outcome.KNOWN, Outcome.ENDED)
    winner = archive.index.resource(receptions[0].orthanc_id)
    assert winner is not None
    assert winner.file is not None
    expected = 2 if overwrite else 0
    assert winner.file.uuid == f"u{expected}"
    assert {version.uuid for version in list_aside(archive)} == {"u0", "u1", "u2"} - {
        f"u{expected}"
    }
    assert archive.index.totals() == Totals(1, 1, 1, 1, expected + 1)


def test_the_same_content_again_is_not_kept_aside(archive: Archive, committer: Committer) -> None:
    committer.commit([entry(uuid="u1")])
    later = entry(uuid="u2", received="20260102T000000.000000")
    assert committer.commit([later]) == [Outcome.LOST]
    assert list_aside(archive) == []


def test_one_instance_twice_in_one_batch(archive: Archive, committer: Committer) -> None:
    later = entry(uuid="u2", received="20260102T000000.000000", content=b"other")
    assert committer.commit([entry(uuid="u1"), later]) == [Outcome.ADDED, Outcome.LOST]
    assert [version.uuid for version in list_aside(archive)] == ["u2"]


def test_nothing_brings_a_deleted_instance_back(archive: Archive, committer: Committer) -> None:
    received = entry()
    committer.commit([received])
    assert delete(archive, Level.INSTANCE, received.orthanc_id) is None
    assert archive.index.totals() == Totals()
    assert committer.commit([received]) == [Outcome.ENDED]
    assert archive.index.resource(received.orthanc_id) is None
    for level in ORDER:
        assert list(archive.index.iter_level(level)) == []
        assert archive.index.resource(received.header.identity.orthanc_id(level)) is None


def test_a_deleted_instance_may_be_sent_again(archive: Archive, committer: Committer) -> None:
    committer.commit([entry()])
    delete(archive, Level.INSTANCE, entry().orthanc_id)
    assert committer.commit([entry(uuid="u2")]) == [Outcome.ADDED]
    assert committer.commit([entry()]) == [Outcome.ENDED]
    resource = archive.index.resource(entry().orthanc_id)
    assert resource is not None
    assert resource.file is not None
    assert resource.file.uuid == "u2"
    assert archive.index.totals() == Totals(1, 1, 1, 1, 6)


def test_deleting_leaves_the_closest_ancestor(archive: Archive, committer: Committer) -> None:
    committer.commit([entry("1.2.3.1", uuid="a"), entry("1.2.3.2", uuid="b")])
    committer.commit([entry("1.2.9.1", series="1.2.9", uuid="c")])
    first = entry("1.2.3.1")
    survivor = delete(archive, Level.INSTANCE, first.orthanc_id)
    assert survivor is not None
    assert survivor.level is Level.SERIES
    assert survivor.totals.instances == 1
    series = first.header.identity.orthanc_id(Level.SERIES)
    survivor = delete(archive, Level.SERIES, series)
    assert survivor is not None
    assert survivor.level is Level.STUDY
    assert survivor.totals == Totals(series=1, instances=1, size_bytes=6)
    patient = orthanc_id("PAT")
    assert delete(archive, Level.PATIENT, patient) is None
    assert archive.index.totals() == Totals()


def test_deleting_a_large_series_takes_several_transactions(
    archive: Archive, committer: Committer
) -> None:
    committer.commit([entry(f"1.2.3.{n}", uuid=f"u{n}") for n in range(50)])
    assert delete(archive, Level.PATIENT, orthanc_id("PAT")) is None
    assert archive.index.totals() == Totals()


def test_one_study_uid_under_two_patients(archive: Archive, committer: Committer) -> None:
    committer.commit([entry(patient="A", uuid="a")])
    committer.commit([entry(patient="B", uuid="b")])
    assert archive.index.totals() == Totals(2, 2, 2, 2, 12)
    assert len(archive.index.lookup("0020,000d", "1.2")) == 2


@pytest.mark.parametrize(
    "patient",
    ["P" * 65_000, 'O\'Neill "x"', "😀", "", "a#b|c%_"],
    ids=["overlong", "quotes", "emoji", "none", "separators"],
)
def test_an_odd_patient_id_is_indexable_and_deletable(
    archive: Archive, committer: Committer, patient: str
) -> None:
    committer.commit([entry(patient=patient)])
    assert archive.index.lookup("0010,0020", patient) == [orthanc_id(patient)]
    delete(archive, Level.PATIENT, orthanc_id(patient))
    assert archive.index.lookup("0010,0020", patient) == []


def test_an_empty_log(archive: Archive) -> None:
    page = changes(archive)
    assert (page.changes, page.last, page.done) == ((), 0, True)
