"""Deletions that fail, and what is told of them; definitions the journal forgets."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from nephele.aws import clock, journal, keys
from nephele.aws.bucket import Bucket
from nephele.aws.index import definitions
from nephele.domain.levels import Level
from nephele.errors import Conflict, Unavailable
from nephele.services import delete as deleting
from nephele.services import reconcile, replay_deletions, settle_deletions, undelete_job
from nephele.services import undelete as restoring
from nephele.services.archive import Archive
from nephele.services.delete import begin_deletion, continue_deletion, delete
from nephele.services.deletion_parts import part_names, read_part
from nephele.services.modalities import define_modality, forget_modality
from nephele.services.peers.known import define_peer, peers
from nephele.services.reindex import reindex
from nephele.services.undelete import list_deletions, restore_part
from nephele.services.worklists import delete_worklist, put_worklist, worklists
from tests.unit.jobs.conftest import impatient
from tests.unit.keeping.conftest import clear_table, configured, messages, settle
from tests.unit.keeping.drill import all_rows
from tests.unit.keeping.test_deletions import objects, run_reconciler
from tests.unit.keeping.test_keeping import patient_id, patients, put
from tests.unit.keeping.test_undone import put_and_delete, undo_first


@pytest.fixture(scope="module")
def opened(emulated: Archive) -> Archive:
    return emulated


def fail(*_: object) -> None:
    raise Unavailable("index: throttled")


def documents(archive: Archive, prefix: str = keys.DEFINITIONS) -> list[Any]:
    return [archive.bucket.read_json(name) for name, _ in archive.bucket.iter_objects(prefix)]


@pytest.mark.parametrize("name", ["keep_part", "remove_instances"])
def test_a_deletion_that_removed_nothing_is_not_offered(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    put(kept, 1)
    monkeypatch.setattr(deleting, name, fail)
    with pytest.raises(Unavailable):
        delete(kept, Level.PATIENT, patient_id(1))
    monkeypatch.undo()
    run_reconciler(kept)
    assert list_deletions(kept) == []
    reindex(kept, jobs=2)
    assert list_deletions(kept) == []
    assert patients(kept) == {patient_id(1)}


def test_a_deletion_that_removed_a_part_is_offered_with_that(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for study in (1, 2):
        put(kept, 1, study=study)
    remove = deleting.remove_instances
    monkeypatch.setattr(deleting, "remove_instances", lambda *_: (remove(*_), fail()))
    with pytest.raises(Unavailable):
        delete(kept, Level.PATIENT, patient_id(1))
    monkeypatch.undo()
    run_reconciler(kept)
    (deletion,) = list_deletions(kept)
    assert deletion.instances == 1
    undo_first(kept)
    assert list_deletions(kept) == []
    assert kept.index.totals().instances == 2


def test_a_deletion_that_came_to_its_end_is_left_alone(kept: Archive) -> None:
    put(kept, 1)
    delete(kept, Level.PATIENT, patient_id(1))
    before = list_deletions(kept)
    assert not [pk for pk, _ in all_rows(kept) if pk == "BURYING"]
    run_reconciler(kept)
    assert list_deletions(kept) == before


def test_an_undo_counts_what_a_try_before_brought_back(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        put(kept, 1, number=number)
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    (name,) = part_names(kept.bucket, list_deletions(kept)[0].identifier)
    index = restoring._index
    monkeypatch.setattr(restoring, "_index", lambda *_: (index(*_), fail()))
    with pytest.raises(Unavailable):
        restore_part(kept, name)
    monkeypatch.undo()
    assert restore_part(kept, name).instances == 2


def test_an_undo_does_not_count_what_was_there_all_the_time(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(kept, 1)
    monkeypatch.setattr(deleting, "remove_instances", fail)
    with pytest.raises(Unavailable):
        delete(kept, Level.PATIENT, patient_id(1))
    (deletion,) = list_deletions(kept)
    (name,) = part_names(kept.bucket, deletion.identifier)
    assert restore_part(kept, name).instances == 0
    assert patients(kept) == {patient_id(1)}


def test_an_undo_during_a_rebuild_that_was_killed(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between burying a part that was being undone, and looking at the marks again."""
    first = put_and_delete(kept)
    bury = replay_deletions.put_tombstone

    def undo_meanwhile(*arguments: Any) -> bool:
        monkeypatch.setattr(replay_deletions, "put_tombstone", bury)
        undo_first(kept)
        return bury(*arguments)

    monkeypatch.setattr(replay_deletions, "put_tombstone", undo_meanwhile)
    monkeypatch.setattr(replay_deletions, "_go_on_again", fail)
    with pytest.raises(Unavailable):
        reindex(kept, jobs=1)
    monkeypatch.undo()
    assert patients(kept) == set(), "buried, though it was undone"
    assert reindex(kept, jobs=1).failures == {}
    settle(kept)
    assert objects(kept) == first
    assert patients(kept) == {patient_id(1)}


def test_a_rebuild_revives_nothing_that_was_deleted_again(kept: Archive) -> None:
    put_and_delete(kept)
    undo_first(kept)
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    for _ in range(2):
        reindex(kept, jobs=1)
        assert patients(kept) == set()
    assert objects(kept) == []


PEER = {"Url": "https://peer/", "Username": "u", "Password": "secret-1", "HttpHeaders": {"T": "s2"}}


def test_the_journal_has_no_secrets_of_peers(kept: Archive) -> None:
    define_peer(kept, "other", PEER)
    assert peers(kept)["other"].password == "secret-1"  # noqa: S105
    told = json.dumps(documents(kept, "journal/"))
    assert "https://peer/" in told
    assert "secret-1" not in told
    assert "s2" not in told
    clear_table(kept)
    reindex(kept, jobs=1)
    rebuilt = peers(kept)["other"]
    assert (rebuilt.url, rebuilt.username, rebuilt.password) == ("https://peer/", "u", "")


def test_secrets_the_table_knows_stay_when_it_is_brought_up(kept: Archive) -> None:
    define_peer(kept, "other", PEER)
    backup = list(all_rows(kept).values())
    define_peer(kept, "other", {**PEER, "Timeout": 5})
    clear_table(kept)
    kept.index.table.put_all(backup)
    reindex(kept, jobs=1)
    rebuilt = peers(kept)["other"]
    assert (rebuilt.timeout, rebuilt.password) == (5, "secret-1")


def test_secrets_do_not_follow_a_peer_to_another_place(kept: Archive) -> None:
    define_peer(kept, "other", PEER)
    backup = list(all_rows(kept).values())
    define_peer(kept, "other", {**PEER, "Url": "https://elsewhere/"})
    clear_table(kept)
    kept.index.table.put_all(backup)
    reindex(kept, jobs=1)
    rebuilt = peers(kept)["other"]
    assert (rebuilt.url, rebuilt.password) == ("https://elsewhere/", "")


def test_the_journal_keeps_the_last_of_each_definition(kept: Archive) -> None:
    for port in (104, 105, 106):
        define_modality(kept, "CT", ["CT", "127.0.0.1", port])
    define_modality(kept, "MR", ["MR", "127.0.0.1", 104])
    forget_modality(kept, "MR")
    first = put_worklist(kept, {"0010,0020": "PATIENT-1"})
    delete_worklist(kept, first)
    run_reconciler(kept)
    told = documents(kept)
    assert len(told) == 3
    assert "PATIENT-1" not in json.dumps(told)
    (modality,) = [one["Value"] for one in told if one["Name"] == "CT"]
    assert modality["Port"] == 106
    clear_table(kept)
    reindex(kept, jobs=1)
    known = definitions.read_definitions(kept.index.table, definitions.MODALITIES)
    assert known == {"CT": modality, "MR": None}


def test_the_journal_forgets_worklists_that_have_expired(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    expiring = configured(kept, Worklists={"DeleteWorklistsDelay": 1})
    put_worklist(expiring, {"0010,0020": "PATIENT-1"}, "odd/name 1")
    lasting = put_worklist(kept, {"0010,0020": "PATIENT-2"})
    assert journal.tidy_definitions(kept.bucket) == 0
    later = clock.epoch_seconds() + 3601
    monkeypatch.setattr(clock, "epoch_seconds", lambda: later)
    assert journal.tidy_definitions(kept.bucket) == 1
    assert [one["Name"] for one in documents(kept)] == [lasting]
    assert [one.identifier for one in worklists(kept)] == [lasting]


def put_earlier(archive: Archive, kind: str, name: str, value: object, version: int) -> None:
    """Write a definition as an earlier release did."""
    key = f"{keys.DEFINITIONS}{version:020}-{clock.new_uuid()}"
    document = {"Kind": kind, "Name": name, "Value": value, "Version": version}
    archive.bucket.put_json(key, document)


def test_what_an_earlier_release_wrote_is_carried_over(kept: Archive) -> None:
    modality = {"AET": "A", "Host": "h", "Port": 1}
    peer = {"Url": "http://h/", "Username": "me", "Password": "secret"}
    worklist = {"Created": "20260101T000000", "Tags": {"00100020": "P"}, "Expires": 2}
    put_earlier(kept, definitions.MODALITIES, "a", {**modality, "Port": 2}, 1000)
    put_earlier(kept, definitions.MODALITIES, "a", modality, 1001)
    put_earlier(kept, definitions.MODALITIES, "b", None, 1002)
    put_earlier(kept, definitions.PEERS, "p", peer, 1003)
    put_earlier(kept, definitions.WORKLISTS, "w", worklist, 1004)
    define_modality(kept, "b", ["B", "127.0.0.1", 104])
    run_reconciler(kept)
    told = {(one["Kind"], one["Name"]): one["Value"] for one in documents(kept)}
    assert told.keys() == {("modalities", "a"), ("modalities", "b"), ("peers", "p")}
    assert told["modalities", "a"] == modality
    assert told["modalities", "b"]["AET"] == "B"
    assert told["peers", "p"] == {"Url": "http://h/", "Username": "me"}
    assert len(documents(kept)) == 3


@pytest.mark.parametrize("step", ["settle_deletions", "settle_forgotten", "tidy_journal"])
def test_a_step_that_fails_does_not_stop_the_walk(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put(kept, 1)
    (lost,) = objects(kept)
    clear_table(kept)
    monkeypatch.setattr(reconcile, step, fail)
    with pytest.raises(ExceptionGroup) as raised:
        reconcile.reconcile(kept, lambda: True, grace_seconds=-10, prefixes=256)
    assert raised.group_contains(Unavailable, match="throttled")
    assert lost in json.dumps(messages(kept, "index"))


@pytest.mark.parametrize("is_recycled", [False, True])
def test_a_deletion_that_goes_on_after_it_was_settled_can_be_undone(
    kept: Archive, is_recycled: bool
) -> None:
    for study in (1, 2):
        put(kept, 1, study=study)
    patient = kept.index.resource(patient_id(1))
    assert patient is not None
    begun = begin_deletion(kept, patient, is_recycled=is_recycled)
    assert not continue_deletion(kept, patient, begun, lambda: False)
    run_reconciler(kept)
    assert list_deletions(kept) == []
    assert not continue_deletion(kept, patient, begun, impatient(1))
    (offered,) = list_deletions(kept)
    assert offered.is_recycled == is_recycled
    assert continue_deletion(kept, patient, begun)
    settle(kept)
    assert patients(kept) == set()
    assert list_deletions(kept) == [offered]
    run_reconciler(kept)
    undo_first(kept)
    assert kept.index.totals().instances == 2
    assert list_deletions(kept) == []


def test_a_deletion_that_goes_on_after_it_was_settled_counts_all(kept: Archive) -> None:
    for study in (1, 2, 3):
        put(kept, 1, study=study)
    patient = kept.index.resource(patient_id(1))
    assert patient is not None
    begun = begin_deletion(kept, patient)
    assert not continue_deletion(kept, patient, begun, impatient(1))
    run_reconciler(kept)
    assert [one.instances for one in list_deletions(kept)] == [1]
    assert not continue_deletion(kept, patient, begun, impatient(1))
    run_reconciler(kept)
    assert [one.instances for one in list_deletions(kept)] == [2]
    assert continue_deletion(kept, patient, begun)
    assert [one.instances for one in list_deletions(kept)] == [3]


@pytest.mark.parametrize("removed", [0, 1])
def test_a_deletion_that_goes_on_while_it_is_settled_is_left_alone(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    for study in (1, 2, 3):
        put(kept, 1, study=study)
    patient = kept.index.resource(patient_id(1))
    assert patient is not None
    begun = begin_deletion(kept, patient)
    assert not continue_deletion(kept, patient, begun, impatient(removed))
    count_removed = settle_deletions.removed_instances

    def go_on_meanwhile(*arguments: Any) -> int:
        found = count_removed(*arguments)
        monkeypatch.setattr(settle_deletions, "removed_instances", count_removed)
        assert not continue_deletion(kept, patient, begun, impatient(1))
        return found

    monkeypatch.setattr(settle_deletions, "removed_instances", go_on_meanwhile)
    settle_deletions.settle_deletions(kept, -10)
    assert [one.identifier for one in list_deletions(kept)] == [begun]
    with pytest.raises(Conflict, match="under way"):
        undo_first(kept)
    assert continue_deletion(kept, patient, begun)
    clear_table(kept)
    reindex(kept, jobs=1)
    assert [one.identifier for one in list_deletions(kept)] == [begun]
    undo_first(kept)
    assert kept.index.totals().instances == 3


def test_a_deletion_under_way_cannot_be_undone(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for study in (1, 2, 3):
        put(kept, 1, study=study)
    settle(kept)
    bury, refused = deleting._bury, []

    def undo_meanwhile(*arguments: Any) -> None:
        bury(*arguments)
        with pytest.raises(Conflict, match="under way"):
            undo_first(kept)
        refused.append(arguments)

    monkeypatch.setattr(deleting, "_bury", undo_meanwhile)
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    assert len(refused) == 3
    assert patients(kept) == set()
    undo_first(kept)
    assert kept.index.totals().instances == 3
    assert list_deletions(kept) == []


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_deletion_that_goes_on_while_it_is_undone_stays_offered(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, has_ended: bool
) -> None:
    put(kept, 1)
    put(kept, 1, study=2)
    patient = kept.index.resource(patient_id(1))
    assert patient is not None
    begun = begin_deletion(kept, patient)
    assert not continue_deletion(kept, patient, begun, impatient(1))
    run_reconciler(kept)
    restore = undelete_job.restore_part

    def go_on_meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(undelete_job, "restore_part", restore)
        assert continue_deletion(kept, patient, begun, lambda: has_ended) == has_ended
        return restore(*arguments)

    monkeypatch.setattr(undelete_job, "restore_part", go_on_meanwhile)
    with pytest.raises(Conflict):
        undo_first(kept)
    assert len(list_deletions(kept)) == 1
    assert continue_deletion(kept, patient, begun)
    undo_first(kept)
    assert kept.index.totals().instances == 2
    assert list_deletions(kept) == []


@pytest.mark.parametrize("step", [-1, 1])
def test_an_undo_brings_back_what_was_served_last(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    archive = configured(kept, OverwriteInstances=True)
    put(archive, 1)
    remove, uuids = deleting.remove_instances, count(1 << 64, step)
    monkeypatch.setattr(clock, "new_uuid", lambda: str(UUID(int=next(uuids))))

    def replace_meanwhile(*arguments: Any) -> None:
        monkeypatch.setattr(deleting, "remove_instances", remove)
        put(archive, 1, size_bytes=10)
        remove(*arguments)

    def served() -> str:
        (only,) = archive.index.resources(archive.index.iter_level(Level.INSTANCE)).values()
        assert only.file is not None
        return only.file.uuid

    before = served()
    monkeypatch.setattr(deleting, "remove_instances", replace_meanwhile)
    delete(archive, Level.PATIENT, patient_id(1))
    settle(archive)
    (deletion,) = list_deletions(archive)
    latest, first = (
        [one.served for one in read_part(archive.bucket, name).instances]
        for name in part_names(archive.bucket, deletion.identifier)
    )
    assert first == [before]
    undo_first(archive)
    assert [served()] == latest != first


def test_the_journal_forgets_that_worklists_were_removed(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = put_worklist(kept, {"0010,0020": "PATIENT-1"})
    ((told, _),) = kept.bucket.iter_objects(keys.DEFINITIONS)
    delete_worklist(kept, gone)
    put_earlier(kept, definitions.WORKLISTS, "earlier", None, 1000)
    assert journal.tidy_definitions(kept.bucket) == 1, "what the removed one was"
    kept.bucket.undelete(told)
    later = clock.epoch_seconds() + 86_401
    monkeypatch.setattr(clock, "epoch_seconds", lambda: later)
    deleted: list[bool] = []
    delete_object = Bucket.delete

    def note(bucket: Bucket, name: str) -> None:
        deleted.append(bucket.read_json(name)["Value"] is not None)
        delete_object(bucket, name)

    monkeypatch.setattr(Bucket, "delete", note)
    assert journal.tidy_definitions(kept.bucket) == 3
    assert deleted == [True, False, False], "that it was removed goes last"
    assert documents(kept) == []
