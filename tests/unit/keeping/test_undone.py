"""What was undone stays, whatever the journal tells besides, when the index is built anew."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from nephele.aws.bucket import Bucket
from nephele.domain.levels import Level
from nephele.services import replay_deletions, undelete
from nephele.services.archive import Archive
from nephele.services.attachments import attach
from nephele.services.delete import delete
from nephele.services.deletion_parts import part_names
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from nephele.services.jobs.submit import JobOptions, wait_for
from nephele.services.labels import add_label, remove_label
from nephele.services.reindex import reindex
from nephele.services.undelete import list_deletions
from nephele.services.undelete_job import submit_restore
from tests.unit.keeping.conftest import assert_counters_match, clear_table, settle
from tests.unit.keeping.drill import all_rows
from tests.unit.keeping.test_deletions import objects, run_reconciler
from tests.unit.keeping.test_keeping import patient_id, patients, put


@pytest.fixture(scope="module")
def opened(emulated: Archive) -> Archive:
    return emulated


def put_and_delete(archive: Archive) -> list[str]:
    """Store an instance and delete it with its patient; return its object."""
    put(archive, 1)
    settle(archive)
    found = objects(archive)
    delete(archive, Level.PATIENT, patient_id(1))
    settle(archive)
    assert objects(archive) == []
    return found


def undo_first(archive: Archive) -> None:
    first = list_deletions(archive)[0]
    job = submit_restore(archive, first.identifier, JobOptions())
    run_message(archive, {"job": job.identifier, "turn": job.turn}, load_kind, lambda: True)
    wait_for(archive, job.identifier)
    settle(archive)


@pytest.mark.parametrize("is_lost", [False, True], ids=["intact", "lost"])
def test_the_first_of_two_deletions_is_undone(kept: Archive, is_lost: bool) -> None:
    first = put_and_delete(kept)
    put_and_delete(kept)
    undo_first(kept)
    if is_lost:
        clear_table(kept)
    assert reindex(kept, jobs=2).failures == {}
    settle(kept)
    run_reconciler(kept)
    assert objects(kept) == first
    assert kept.index.totals().instances == 1


@pytest.mark.parametrize("index", ["intact", "lost", "of a backup"])
def test_what_is_deleted_again_after_an_undo_stays_away(kept: Archive, index: str) -> None:
    first = put_and_delete(kept)
    undo_first(kept)
    backup = list(all_rows(kept).values())
    delete(kept, Level.PATIENT, patient_id(1))
    assert objects(kept) == first, "its object is not purged yet"
    if index != "intact":
        clear_table(kept)
    if index == "of a backup":
        kept.index.table.put_all(backup)
    reindex(kept, jobs=2)
    assert patients(kept) == set()
    assert len(list_deletions(kept)) == 1


@pytest.mark.parametrize("deletions", [1, 2])
@pytest.mark.parametrize(
    ("module", "name"),
    [(replay_deletions, "_replay_part"), (replay_deletions, "put_tombstone")],
    ids=["before its part", "after its marks were read"],
)
def test_an_undo_while_the_index_is_built(
    kept: Archive, monkeypatch: Any, module: Any, name: str, deletions: int
) -> None:
    first, *_ = [put_and_delete(kept) for _ in range(deletions)]
    going_on = getattr(module, name)

    def undo_meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(module, name, going_on)
        undo_first(kept)
        assert objects(kept) == first
        return going_on(*arguments)

    monkeypatch.setattr(module, name, undo_meanwhile)
    reindex(kept, jobs=1)
    settle(kept)
    assert objects(kept) == first
    assert kept.index.totals().instances == 1
    assert len(list_deletions(kept)) == deletions - 1


def iter_attached(archive: Archive) -> Iterator[tuple[str, float]]:
    return archive.bucket.iter_objects("attachments/")


def delete_attached(archive: Archive) -> None:
    put(archive, 1)
    attach(archive, patient_id(1), 1024, io.BytesIO(b"five!"), None)
    delete(archive, Level.PATIENT, patient_id(1))
    settle(archive)


def test_an_undo_beside_what_users_keep_by_now_leaves_no_object(kept: Archive) -> None:
    delete_attached(kept)
    put(kept, 1, study=2)
    add_label(kept, Level.PATIENT, patient_id(1), "mine")
    undo_first(kept)
    settle(kept)
    assert list(iter_attached(kept)) == []
    assert_counters_match(kept)


def test_an_undo_at_the_moment_users_keep_something_leaves_no_object(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete_attached(kept)
    put(kept, 1, study=2)
    undelete = Bucket.undelete

    def label_meanwhile(bucket: Bucket, key: str) -> bool:
        if key.startswith("attachments/"):
            add_label(kept, Level.PATIENT, patient_id(1), "mine")
        return undelete(bucket, key)

    monkeypatch.setattr(Bucket, "undelete", label_meanwhile)
    undo_first(kept)
    monkeypatch.undo()
    settle(kept)
    assert list(iter_attached(kept)) == []
    assert_counters_match(kept)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("removed", [None, "l007"], ids=["all", "one-removed-since"])
def test_an_undo_that_died_amid_labels_goes_on_with_them(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, removed: str | None
) -> None:
    """Fifty go at a time: the journal must not tell that these are all."""
    put(kept, 1)
    wanted = {f"l{number:03}" for number in range(120)}
    for label in wanted:
        add_label(kept, Level.PATIENT, patient_id(1), label)
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    (part,) = part_names(kept.bucket, list_deletions(kept)[0].identifier)
    change, left = undelete.change_user_state, [2]

    def die(*arguments: Any, **named: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return change(*arguments, **named)

    monkeypatch.setattr(undelete, "change_user_state", die)
    with pytest.raises(Killed):
        undelete.restore_part(kept, part)
    monkeypatch.undo()
    if removed is not None:
        remove_label(kept, Level.PATIENT, patient_id(1), removed)
        wanted.remove(removed)
    undelete.restore_part(kept, part)
    for _ in range(2):
        resource = kept.index.resource(patient_id(1))
        assert resource is not None
        assert resource.user.labels == wanted
        clear_table(kept)
        reindex(kept, jobs=1)


def test_an_undo_that_died_before_users_kept_something_leaves_no_object(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete_attached(kept)
    put(kept, 1, study=2)
    (part,) = part_names(kept.bucket, list_deletions(kept)[0].identifier)

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(undelete, "_give_back", die)
    with pytest.raises(Killed):
        undelete.restore_part(kept, part)
    monkeypatch.undo()
    assert list(iter_attached(kept))
    add_label(kept, Level.PATIENT, patient_id(1), "mine")
    undelete.restore_part(kept, part)
    settle(kept)
    assert list(iter_attached(kept)) == []
    assert_counters_match(kept)
