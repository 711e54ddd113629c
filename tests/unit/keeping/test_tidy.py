"""The journal is as small as what it tells of, and forgets what nobody can ask for any more."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from nephele.aws import clients, clock, journal, keys
from nephele.domain.jobs import JobState
from nephele.domain.levels import Level
from nephele.errors import BeingRestored
from nephele.services import overrides, undelete_job
from nephele.services.archive import Archive
from nephele.services.delete import delete
from nephele.services.deletion_parts import mark_restored, part_names
from nephele.services.jobs import control
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from nephele.services.jobs.submit import JobOptions
from nephele.services.labels import add_label, remove_label
from nephele.services.metadata import set_metadata
from nephele.services.reindex import reindex
from nephele.services.tidy_journal import tidy_journal
from nephele.services.undelete import list_deletions, restore_part
from nephele.services.undelete_job import submit_restore
from tests.unit.keeping.conftest import clear_table, configured, settle
from tests.unit.keeping.test_deletions import objects
from tests.unit.keeping.test_keeping import patient_id, patients, put
from tests.unit.keeping.test_undone import undo_first

DAY = 86_400
Pass = Callable[[float], None]


@pytest.fixture(scope="module")
def opened(emulated: Archive) -> Archive:
    return emulated


@pytest.fixture
def pass_days(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Return what lets so many days be over."""
    real = clock.epoch_seconds

    def pass_some(days: float) -> None:
        monkeypatch.setattr(clock, "epoch_seconds", lambda: real() + days * DAY)

    return pass_some


def tidy(archive: Archive) -> None:
    assert tidy_journal(archive, lambda: True, 16) == 16


def names(archive: Archive, prefix: str) -> list[str]:
    return [name for name, _ in archive.bucket.iter_objects(prefix)]


def told(archive: Archive, prefix: str = "journal/") -> str:
    return json.dumps([archive.bucket.read_json(name) for name in names(archive, prefix)])


def rebuilt(archive: Archive) -> None:
    clear_table(archive)
    assert reindex(archive, jobs=2).failures == {}
    settle(archive)


def labels(archive: Archive) -> frozenset[str]:
    found = archive.index.resource(patient_id(1))
    assert found is not None
    return found.user.labels


def test_the_last_state_of_each_resource_stays(kept: Archive) -> None:
    put(kept, 1)
    put(kept, 2)
    for label in ("a", "b", "c"):
        add_label(kept, Level.PATIENT, patient_id(1), label)
    remove_label(kept, Level.PATIENT, patient_id(1), "a")
    add_label(kept, Level.PATIENT, patient_id(2), "other")
    assert len(names(kept, keys.STATES)) == 5
    tidy(kept)
    assert len(names(kept, keys.STATES)) == 2
    rebuilt(kept)
    assert labels(kept) == {"b", "c"}


def test_states_are_removed_while_there_is_time(kept: Archive) -> None:
    put(kept, 1)
    for label in ("a", "b", "c", "d"):
        add_label(kept, Level.PATIENT, patient_id(1), label)
    assert tidy_journal(kept, lambda: len(names(kept, keys.STATES)) > 2, 16) < 16
    assert len(names(kept, keys.STATES)) == 2
    rebuilt(kept)
    assert labels(kept) == {"a", "b", "c", "d"}
    tidy(kept)
    assert len(names(kept, keys.STATES)) == 1


def test_states_of_what_is_gone_go_a_day_later(kept: Archive, pass_days: Pass) -> None:
    put(kept, 1)
    set_metadata(kept, patient_id(1), 1024, b"Jane", None)
    delete(kept, Level.PATIENT, patient_id(1))
    tidy(kept)
    (ended,) = names(kept, keys.STATES)
    assert "Jane" not in told(kept, ended)
    put(kept, 1)
    rebuilt(kept)
    assert kept.index.resource(patient_id(1)).user.metadata == {}  # type: ignore[union-attr]
    pass_days(1.1)
    tidy(kept)
    assert names(kept, keys.STATES) == []


def test_a_state_that_is_late_is_the_one_of_nobody(kept: Archive, pass_days: Pass) -> None:
    """The function that wrote it had stalled; the mark of the end is there for a day."""
    put(kept, 1)
    add_label(kept, Level.PATIENT, patient_id(1), "late")
    (late,) = names(kept, keys.STATES)
    document = kept.bucket.read_json(late)
    delete(kept, Level.PATIENT, patient_id(1))
    tidy(kept)
    kept.bucket.put_json(late, document)
    put(kept, 1)
    rebuilt(kept)
    assert labels(kept) == frozenset()
    pass_days(1.1)
    tidy(kept)
    rebuilt(kept)
    assert labels(kept) == frozenset()


def put_and_delete_labelled(archive: Archive) -> None:
    put(archive, 1)
    add_label(archive, Level.PATIENT, patient_id(1), "Jane")
    delete(archive, Level.PATIENT, patient_id(1))
    settle(archive)


def test_what_can_be_undone_is_told_whole(kept: Archive, pass_days: Pass) -> None:
    put_and_delete_labelled(kept)
    before = told(kept, keys.DELETIONS)
    pass_days(29.9)
    tidy(kept)
    assert told(kept, keys.DELETIONS) == before
    assert "Doe^1" in before
    undo_first(kept)
    assert labels(kept) == {"Jane"}


@pytest.mark.parametrize("is_purged", [False, True])
def test_what_cannot_be_undone_is_told_no_more(
    kept: Archive, pass_days: Pass, is_purged: bool
) -> None:
    put_and_delete_labelled(kept)
    (part,) = part_names(kept.bucket, list_deletions(kept)[0].identifier)
    (served,) = [one["Served"] for one in kept.bucket.read_json(part)["Instances"]]
    if not is_purged:
        (instance,) = [one["ID"] for one in kept.bucket.read_json(part)["Instances"]]
        kept.bucket.undelete(f"dicom/{instance[:2]}/{instance}/{served}")
    pass_days(31.1)
    tidy(kept)
    found = told(kept, keys.DELETIONS)
    assert "Doe^1" not in found
    assert "Jane" not in found
    assert served in found
    rebuilt(kept)
    assert patients(kept) == set()
    tidy(kept)
    assert names(kept, keys.DELETIONS)
    pass_days(3_700)
    tidy(kept)
    assert bool(names(kept, keys.DELETIONS)) == (not is_purged)


def test_what_was_undone_lives_on_without_its_deletion(kept: Archive, pass_days: Pass) -> None:
    put_and_delete_labelled(kept)
    undo_first(kept)
    settle(kept)
    before = objects(kept)
    pass_days(31.1)
    for _ in range(2):
        tidy(kept)
        assert "Doe^1" not in told(kept, keys.DELETIONS)
        rebuilt(kept)
        assert objects(kept) == before
        assert labels(kept) == {"Jane"}
    assert names(kept, keys.DELETIONS), "another part might tell that it has ended"


def test_what_was_undone_and_deleted_again_goes(kept: Archive, pass_days: Pass) -> None:
    put_and_delete_labelled(kept)
    undo_first(kept)
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    for days in (31.1, 3_700):
        pass_days(days)
        tidy(kept)
        tidy(kept)
        rebuilt(kept)
        assert patients(kept) == set()
    assert names(kept, keys.DELETIONS) == []


def test_a_deletion_that_cannot_be_undone_at_all_tells_of_nobody(
    kept: Archive, pass_days: Pass
) -> None:
    archive = configured(kept, UndeleteDays=0)
    put_and_delete_labelled(archive)
    pass_days(1.1)
    tidy(archive)
    assert "Jane" not in told(kept)
    pass_days(3_700)
    tidy(archive)
    assert names(kept, keys.DELETIONS) == []


@pytest.mark.parametrize("is_labelled", [False, True])
def test_a_table_from_a_backup_does_not_bring_back_what_was_deleted_since(
    kept: Archive, pass_days: Pass, is_labelled: bool
) -> None:
    put(kept, 1)
    if is_labelled:
        add_label(kept, Level.PATIENT, patient_id(1), "Jane")
    settle(kept)
    backup = clients.dynamodb().scan(TableName=kept.index.table.name)["Items"]
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    pass_days(31.1)
    tidy(kept)
    clear_table(kept)
    for row in backup:
        kept.index.table.put(row)
    assert reindex(kept, jobs=2).failures == {}
    assert patients(kept) == set()


def test_an_undo_that_goes_on_too_late_says_so(kept: Archive, pass_days: Pass) -> None:
    put_and_delete_labelled(kept)
    deletion = list_deletions(kept)[0].identifier
    job = submit_restore(kept, deletion, JobOptions(synchronous=False))
    control.pause(kept, job.identifier)
    pass_days(31.1)
    tidy(kept)
    control.resume(kept, job.identifier)
    turn = control.get_job(kept, job.identifier).turn
    run_message(kept, {"job": job.identifier, "turn": turn}, load_kind, lambda: True)
    ended = control.get_job(kept, job.identifier)
    assert ended.state is JobState.FAILURE
    assert "There is no such deletion" in ended.error_details
    assert patients(kept) == set()


def test_a_rebuild_goes_on_while_the_journal_is_tidied(
    kept: Archive, pass_days: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_and_delete_labelled(kept)
    put(kept, 2)
    for label in ("a", "b"):
        add_label(kept, Level.PATIENT, patient_id(2), label)
    stale = {prefix: names(kept, prefix) for prefix in (keys.STATES, keys.DELETIONS)}
    pass_days(31.1)
    for _ in range(2):
        tidy(kept)
    assert stale != {prefix: names(kept, prefix) for prefix in stale}
    listed = type(kept.bucket).iter_objects

    def earlier(bucket: Any, prefix: str, start_after: str = "") -> Any:
        if prefix in stale:
            return iter([(name, 0.0) for name in stale[prefix]])
        return listed(bucket, prefix, start_after)

    monkeypatch.setattr(type(kept.bucket), "iter_objects", earlier)
    rebuilt(kept)
    found = kept.index.resource(patient_id(2))
    assert found is not None
    assert found.user.labels == {"a", "b"}
    assert patients(kept) == {patient_id(2)}


def test_options_exports_and_numbers_keep_the_last(kept: Archive) -> None:
    for level in ("verbose", "default", "trace"):
        overrides._keep(kept, "LogLevel", level)
    for number in (1, 2, 3):
        journal.keep_export(kept.bucket, number, {"PatientID": f"P{number}"})
        journal.keep_last_change(kept.bucket, number)
    journal.keep_cleared_exports(kept.bucket, 2)
    tidy(kept)
    assert [one["Value"] for one in json.loads(told(kept, keys.OPTIONS))] == ["trace"]
    assert "P1" not in told(kept, keys.EXPORTS)
    assert "P3" in told(kept, keys.EXPORTS)
    assert len(names(kept, keys.EXPORTS)) == 2
    assert (len(names(kept, keys.CHANGES)), journal.last_change(kept.bucket)) == (1, 3)


def test_an_undo_finds_a_part_that_is_tidied_as_it_was(kept: Archive, pass_days: Pass) -> None:
    """Its States are gone, its receptions are not: a job that is late brings them back."""
    put_and_delete_labelled(kept)
    (part,) = part_names(kept.bucket, list_deletions(kept)[0].identifier)
    pass_days(31.1)
    tidy(kept)
    assert restore_part(kept, part).instances == 1
    assert patients(kept) == {patient_id(1)}


def test_an_undo_that_waits_is_not_tidied_away(kept: Archive, pass_days: Pass) -> None:
    """As one does for objects in Glacier; it has begun before the deletion expired."""
    archive = configured(kept, UndeleteDays=7)
    put_and_delete_labelled(archive)
    deletion = list_deletions(archive)[0].identifier
    job = submit_restore(archive, deletion, JobOptions(synchronous=False))

    def run_turn() -> JobState:
        turn = control.get_job(archive, job.identifier).turn
        run_message(archive, {"job": job.identifier, "turn": turn}, load_kind, lambda: True)
        return control.get_job(archive, job.identifier).state

    def wait(archive: Archive, name: str) -> None:
        mark_restored(archive.bucket, name)
        raise BeingRestored("on its way")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(undelete_job, "restore_part", wait)
        run_turn()
    pass_days(9)
    assert list_deletions(archive) == []
    tidy(archive)
    assert run_turn() is JobState.SUCCESS
    settle(archive)
    assert labels(archive) == {"Jane"}
