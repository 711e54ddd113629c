"""Deletions, undos, purges and recycling that end midway, come late, or meet one another."""

from __future__ import annotations

import io
from typing import Any

import pytest

from nephele.aws import clients, clock
from nephele.aws.bucket import Bucket
from nephele.aws.index import ended, keys, records
from nephele.aws.index.capacity import list_reservations, put_reservation
from nephele.aws.index.commit import Outcome
from nephele.domain.levels import Level
from nephele.domain.provenance import Origin, Provenance
from nephele.errors import BeingRestored, Unavailable, UnknownResource
from nephele.services import delete as deleting
from nephele.services import store as storing
from nephele.services import undelete as restoring
from nephele.services.archive import Archive
from nephele.services.delete import delete
from nephele.services.deletion_parts import part_names
from nephele.services.index_objects import committer, index_objects
from nephele.services.jobs.engine import run_message
from nephele.services.jobs.kinds import load_kind
from nephele.services.jobs.submit import JobOptions, wait_for
from nephele.services.labels import add_label, all_labels
from nephele.services.purge import purge
from nephele.services.reconcile import reconcile
from nephele.services.recycle import recycle
from nephele.services.reindex import reindex
from nephele.services.undelete import list_deletions, restore_part
from nephele.services.undelete_job import submit_restore
from tests.unit.conftest import entry
from tests.unit.keeping.conftest import clear_table, configured, messages, settle
from tests.unit.keeping.files import small_file
from tests.unit.keeping.test_keeping import patient_id, patients, put, restore_all


class Killed(BaseException):
    """The function was ended."""


def kill(*_: object) -> None:
    raise Killed


def objects(archive: Archive) -> list[str]:
    return [name for name, _ in archive.bucket.iter_objects("dicom/")]


def run_reconciler(archive: Archive) -> None:
    reconcile(archive, lambda: True, grace_seconds=-10, prefixes=256)
    if messages(archive, "index"):
        index_objects(archive, objects(archive))
    settle(archive)


def rebuild(archive: Archive) -> None:
    clear_table(archive)
    assert reindex(archive, jobs=2).failures == {}


@pytest.mark.parametrize("is_settled", [False, True], ids=["at once", "settled"])
def test_what_could_not_be_deleted_outlives_a_rebuild(
    kept: Archive, monkeypatch: Any, is_settled: bool
) -> None:
    put(kept, 1)
    add_label(kept, Level.PATIENT, patient_id(1), "kept")

    def fail(*_: object) -> None:
        raise Unavailable("index: throttled")

    with monkeypatch.context() as failing:
        failing.setattr(deleting, "remove_instances", fail)
        with pytest.raises(Unavailable):
            delete(kept, Level.PATIENT, patient_id(1))
    if is_settled:
        run_reconciler(kept)
    rebuild(kept)
    run_reconciler(kept)
    assert patients(kept) == {patient_id(1)}
    assert len(objects(kept)) == 1
    assert all_labels(kept) == ["kept"]


def test_what_a_killed_function_deleted_stays_away(kept: Archive, monkeypatch: Any) -> None:
    put(kept, 1)
    put(kept, 2)
    add_label(kept, Level.PATIENT, patient_id(1), "old")
    add_label(kept, Level.PATIENT, patient_id(2), "old")
    for patient in (1, 2):
        with monkeypatch.context() as dying:
            dying.setattr(deleting, "end_states", kill)
            with pytest.raises(Killed):
                delete(kept, Level.PATIENT, patient_id(patient))
    put(kept, 1)
    run_reconciler(kept)
    rebuild(kept)
    assert patients(kept) == {patient_id(1)}
    assert all_labels(kept) == [], "nor does what users kept come to what was sent again"


def test_an_undo_that_was_cancelled_outlives_a_rebuild(kept: Archive, monkeypatch: Any) -> None:
    put(kept, 1)
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    with monkeypatch.context() as dying:
        dying.setattr(restoring, "index_objects", kill)
        with pytest.raises(Killed):
            restore_all(kept)
    rebuild(kept)
    run_reconciler(kept)
    assert patients(kept) == {patient_id(1)}
    assert len(objects(kept)) == 1


def test_a_purge_that_dies_while_its_deletion_is_undone(kept: Archive, monkeypatch: Any) -> None:
    put(kept, 1)
    delete(kept, Level.PATIENT, patient_id(1))
    (key,) = objects(kept)
    removed, indexed = Bucket.delete, restoring.index_objects

    def purge_in_time(archive: Archive, names: Any) -> Any:
        removed(archive.bucket, key)
        return indexed(archive, names)

    def die(*_: object) -> None:
        monkeypatch.setattr(restoring, "index_objects", purge_in_time)
        with pytest.raises(Unavailable):
            restore_all(kept)
        raise Killed

    monkeypatch.setattr(Bucket, "delete", die)
    with pytest.raises(Killed):
        purge(kept, key)
    monkeypatch.undo()
    purge(kept, key)
    restore_all(kept)
    settle(kept)
    assert patients(kept) == {patient_id(1)}
    assert objects(kept) == [key]


def test_an_undo_says_what_is_gone(kept: Archive) -> None:
    for number in (1, 2):
        put(kept, 1, number=number)
    delete(kept, Level.PATIENT, patient_id(1))
    lost, there = objects(kept)
    settle(kept)
    client = clients.s3()
    found = client.list_object_versions(Bucket=kept.bucket.name, Prefix=lost)["Versions"]
    for one in found:
        client.delete_object(Bucket=kept.bucket.name, Key=lost, VersionId=one["VersionId"])
    (deletion,) = list_deletions(kept)
    job = submit_restore(kept, deletion.identifier, JobOptions())
    run_message(kept, {"job": job.identifier, "turn": job.turn}, load_kind, lambda: True)
    with pytest.raises(UnknownResource, match="1 objects"):
        wait_for(kept, job.identifier)
    assert objects(kept) == [there]
    assert len(list(kept.index.iter_level(Level.INSTANCE))) == 1
    assert list_deletions(kept) == [deletion]


def test_what_was_kept_aside_comes_back(kept: Archive) -> None:
    put(kept, 1)
    put(kept, 1, size_bytes=10)
    settle(kept)
    (before,), names = records.list_aside(kept.index.table), objects(kept)
    assert len(names) == 2
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    assert objects(kept) == []
    restore_all(kept)
    settle(kept)
    assert records.list_aside(kept.index.table) == [before]
    assert objects(kept) == names
    rebuild(kept)
    assert records.list_aside(kept.index.table) == [before]


def test_what_is_in_an_archive_class_comes_back(kept: Archive) -> None:
    put(kept, 1)
    (key,) = objects(kept)
    client = clients.s3()
    source = {"Bucket": kept.bucket.name, "Key": key}
    client.copy_object(**source, CopySource=source, StorageClass="GLACIER")
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    with pytest.raises(BeingRestored):
        restore_all(kept)
    assert client.head_object(**source)["StorageClass"] == "GLACIER", "nothing was copied"
    restore_all(kept)
    assert patients(kept) == {patient_id(1)}


def test_an_object_that_was_removed_twice_comes_back(kept: Archive) -> None:
    kept.bucket.put_json("a", 1)
    kept.bucket.put_json("ab", 1)
    for key in ("a", "a", "ab"):
        kept.bucket.delete(key)
    assert kept.bucket.undelete("a")
    assert kept.bucket.read_json("a") == 1
    assert not kept.bucket.exists("ab")
    assert not kept.bucket.undelete("b")


def test_a_late_commit_of_what_was_forgotten_brings_nothing_back(kept: Archive) -> None:
    first = entry(uuid="a", received="20260101T000000.000000")
    second = entry(uuid="b", received="20260101T000001.000000")
    for one in (first, second):
        kept.bucket.put_json(one.file.key, 0)
    commits = committer(kept)
    assert commits.commit([first]) == [Outcome.ADDED]
    row = kept.index.table.get(keys.resource(first.orthanc_id))
    assert row is not None
    ended.forget_purged(kept.index.table, row, "b")
    kept.bucket.delete(second.file.key)
    delete(kept, Level.INSTANCE, first.orthanc_id)
    assert commits.commit([second]) == [Outcome.ENDED]
    assert kept.index.resource(first.orthanc_id) is None


def test_a_patient_that_takes_several_calls_is_one_deletion(kept: Archive) -> None:
    limited = configured(kept, MaximumPatientCount=1)
    for study in (1, 2):
        put(limited, 1, study=study)
    put(limited, 2)
    time_left = iter([True, False])
    recycle(limited, lambda: next(time_left))
    assert len(messages(limited, "recycle")) == 1
    late = io.BytesIO(small_file(1, study=3))
    storing.store(limited, late, Provenance(Origin.REST_API, clock.now()))
    recycle(limited, lambda: True)
    (left,) = limited.index.children(patient_id(1))
    assert limited.index.resource(left.orthanc_id).totals.instances == 1  # type: ignore[union-attr]
    assert [one.orthanc_id for one in list_deletions(limited)] == [patient_id(1), patient_id(2)]
    assert patients(limited) == {patient_id(1)}, "what it received meanwhile made it recent"


def test_messages_of_recycling_do_not_pile_up(kept: Archive) -> None:
    limited = configured(kept, MaximumPatientCount=1)
    for patient in (1, 2):
        put(limited, patient)
    assert records.claim(limited.index.table, "recycle", 60)
    recycle(limited, lambda: True)
    assert messages(limited, "recycle") == []
    assert _delayed(limited) == 0
    recycle(limited, lambda: True, is_again=True)  # who had it may be dead, and have the claim
    assert _delayed(limited) == 1


def _delayed(archive: Archive) -> int:
    """Return how many messages of recycling come later."""
    url = archive.queues["recycle"].url
    told = clients.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return int(told["Attributes"]["ApproximateNumberOfMessagesDelayed"])


def test_promises_of_room_end_with_what_they_were_for(kept: Archive) -> None:
    limited = configured(kept, MaximumPatientCount=2, MaximumStorageMode="Reject")
    put(limited, 1)
    (key,) = objects(limited)
    uuid = key.rpartition("/")[2]
    put_reservation(limited.index.table, uuid, patient_id(1), 1)  # a commit died before it ended
    assert index_objects(limited, [key]) == {}
    assert list_reservations(limited.index.table) == []


def test_marks_are_no_parts(kept: Archive) -> None:
    put(kept, 1)
    delete(kept, Level.PATIENT, patient_id(1))
    (deletion,) = list_deletions(kept)
    (name,) = part_names(kept.bucket, deletion.identifier)
    assert restore_part(kept, name).instances == 1
    assert part_names(kept.bucket, deletion.identifier) == [name]
