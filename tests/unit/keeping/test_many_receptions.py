"""Instances that are sent, deleted and sent again for ever: no row of the index grows with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from nephele.aws import clients
from nephele.aws.index import codec, ended, keys, records, removal
from nephele.aws.index.commit import Entry, Outcome
from nephele.aws.keys import FINAL, InstanceKey
from nephele.domain.levels import Level
from nephele.errors import AnswerTooLarge, Unavailable
from nephele.services import labels
from nephele.services.archive import Archive
from nephele.services.delete import delete
from nephele.services.index_objects import committer, index_objects
from nephele.services.purge import purge
from nephele.services.reconcile import reconcile
from nephele.services.reindex import reindex
from tests.unit.conftest import entry, messages
from tests.unit.keeping.conftest import clear_table, configured, follow_commits, moment, settle
from tests.unit.keeping.drill import all_rows
from tests.unit.keeping.test_deletions import objects
from tests.unit.keeping.test_keeping import patient_id, put, restore_all

IN_ROW = 3
CYCLES = 3 * IN_ROW
INSTANCE = entry().orthanc_id


@pytest.fixture(autouse=True)
def _small_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ended, "MOST_IN_ROW", IN_ROW)


def receptions(count: int, content: str = "same") -> Iterator[Entry]:
    """Yield receptions of one instance, in their order; `{n}` in their content is their number."""
    for n in range(count):
        told = content.format(n=n)
        one = entry(uuid=f"{n:036}", received=moment(n), content=told.encode())
        yield replace(one, file=replace(one.file, data_set_digest=told))


def most_in_a_row(archive: Archive) -> int:
    """Return how many ended receptions a row of the table names."""
    return max(len(codec.ended_uuids(row)) for row in all_rows(archive).values())


def send(archive: Archive, reception: Entry) -> Outcome:
    archive.bucket.put_json(reception.file.key, 0)
    (outcome,) = committer(archive).commit([reception])
    return outcome


def test_what_is_sent_and_deleted_over_and_over(kept: Archive) -> None:
    every = list(receptions(CYCLES))
    for one in every:
        assert send(kept, one) is Outcome.ADDED
        delete(kept, Level.INSTANCE, one.orthanc_id)
        settle(kept)
    assert most_in_a_row(kept) == IN_ROW
    for one in every:  # late events, of objects that somebody writes again
        assert send(kept, one) is Outcome.ENDED
    assert kept.index.resource(every[0].orthanc_id) is None
    reconcile(kept, lambda: True, grace_seconds=-10, prefixes=256)
    assert messages(kept, "index") == []
    settle(kept)
    assert objects(kept) == []


def test_purged_receptions_of_a_tombstone_are_forgotten_in_time(kept: Archive) -> None:
    *_, last = every = list(receptions(CYCLES))
    for one in every:
        send(kept, one)
        delete(kept, Level.INSTANCE, one.orthanc_id)
        settle(kept)
    rows = [row for (_, sk), row in all_rows(kept).items() if sk.startswith(keys.ENDED)]
    assert len(rows) == CYCLES - IN_ROW
    assert all("expires" in row for row in rows)
    kept.index.table.delete_all([keys.key(row["pk"]["S"], row["sk"]["S"]) for row in rows])
    assert committer(kept).commit([last]) == [Outcome.ENDED], "its object is gone"


def test_every_other_version_is_kept_aside(kept: Archive) -> None:
    overwriting = configured(kept, OverwriteInstances=True)
    every = list(receptions(CYCLES, "version {n}"))
    outcomes = [send(overwriting, one) for one in every]
    assert outcomes == [Outcome.ADDED, *[Outcome.REPLACED] * (CYCLES - 1)]
    settle(kept)
    uuids = {one.file.uuid for one in every}
    *_, last = every
    assert {one.uuid for one in records.list_aside(kept.index.table)} == uuids - {last.file.uuid}
    assert len(objects(kept)) == CYCLES
    assert most_in_a_row(kept) == IN_ROW
    for one in every[:-1]:
        assert committer(overwriting).commit([one]) == [Outcome.ENDED]
        assert not purge(kept, one.file.key)


@pytest.mark.parametrize("is_lost", [False, True], ids=["intact", "rebuilt"])
def test_all_versions_go_with_their_instance(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, *, is_lost: bool
) -> None:
    monkeypatch.setattr(removal, "_KEYS_PER_ROW", 2)
    overwriting = configured(kept, OverwriteInstances=True)
    *_, last = every = list(receptions(CYCLES, "version {n}"))
    for one in every:
        send(overwriting, one)
    delete(kept, Level.INSTANCE, last.orthanc_id)
    outbox = [row for (pk, _), row in all_rows(kept).items() if pk.startswith(keys.PENDING)]
    assert max(len(row["p"]["S"]) for row in outbox if "p" in row) < 250
    settle(kept)
    assert objects(kept) == []
    if is_lost:
        clear_table(kept)
        reindex(kept, jobs=2)
        assert most_in_a_row(kept) == IN_ROW
        before = all_rows(kept)
        reindex(kept, jobs=2)
        assert all_rows(kept) == before
    for one in every:
        assert send(kept, one) is Outcome.ENDED
        kept.bucket.delete(one.file.key)


def test_versions_of_an_earlier_life_are_not_aside_in_the_next(kept: Archive) -> None:
    overwriting = configured(kept, OverwriteInstances=True)
    *every, last = list(receptions(CYCLES, "version {n}"))
    for one in every:
        send(overwriting, one)
    delete(kept, Level.INSTANCE, last.orthanc_id)
    follow_commits(kept)
    removed = [message["purge"] for message in messages(kept, "purge")]
    assert send(overwriting, last) is Outcome.ADDED
    row = kept.index.table.get(keys.resource(last.orthanc_id))
    assert row is not None
    assert ended.aside_uuids(kept.index.table, row) == []
    for key in removed:
        purge(kept, key)
    assert {key.rpartition("/")[2] for key in removed} == {one.file.uuid for one in every}


def test_all_versions_come_back_with_their_instance(kept: Archive) -> None:
    overwriting = configured(kept, OverwriteInstances=True)
    for n in range(CYCLES):
        put(overwriting, 1, size_bytes=100 + 2 * n)
    settle(kept)
    before, aside = objects(kept), records.list_aside(kept.index.table)
    assert len(aside) == CYCLES - 1
    delete(kept, Level.PATIENT, patient_id(1))
    settle(kept)
    assert objects(kept) == []
    restore_all(overwriting)
    settle(kept)
    assert objects(kept) == before
    assert records.list_aside(kept.index.table) == aside
    assert index_objects(overwriting, before) == {}
    assert most_in_a_row(kept) == IN_ROW


def test_a_resource_has_so_many_labels(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MOST_LABELS", 3)
    patient = put(kept, 1)
    for label in ("a", "b", "c", "c"):
        labels.add_label(kept, Level.PATIENT, patient, label)
    with pytest.raises(AnswerTooLarge, match="3 labels"):
        labels.add_label(kept, Level.PATIENT, patient, "d")
    labels.remove_label(kept, Level.PATIENT, patient, "a")
    labels.add_label(kept, Level.PATIENT, patient, "d")
    assert labels.all_labels(kept) == ["b", "c", "d"]


@pytest.mark.parametrize("in_row", [IN_ROW, 1], ids=["forgotten", "spilled"])
def test_a_commit_that_another_one_overtook(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, in_row: int
) -> None:
    """Its reception came, ended and was purged between its look and its transaction."""
    monkeypatch.setattr(ended, "MOST_IN_ROW", in_row)
    before, slow, after = receptions(3)
    send(kept, before)
    delete(kept, Level.INSTANCE, before.orthanc_id)
    settle(kept)
    kept.bucket.put_json(slow.file.key, 0)
    overtaken = iter([True])

    def overtake(_: object) -> bool:
        if not next(overtaken, False):
            return kept.bucket.exists(slow.file.key)
        assert send(kept, slow) is Outcome.ADDED
        delete(kept, Level.INSTANCE, slow.orthanc_id)
        assert send(kept, after) is Outcome.ADDED
        settle(kept)
        delete(kept, Level.INSTANCE, after.orthanc_id)
        settle(kept)
        return True

    assert replace(committer(kept), has_object=overtake).commit([slow]) == [Outcome.ENDED]
    assert kept.index.resource(slow.orthanc_id) is None


def test_a_late_commit_of_what_would_win_but_is_gone(kept: Archive) -> None:
    """Deleted, purged and forgotten while a later reception is served, which stays."""
    first, second = receptions(2, "version {n}")
    send(kept, first)
    delete(kept, Level.INSTANCE, first.orthanc_id)
    assert send(kept, second) is Outcome.ADDED
    settle(kept)
    assert committer(kept).commit([first]) == [Outcome.ENDED]
    resource = kept.index.resource(second.orthanc_id)
    assert resource is not None
    assert resource.file is not None
    assert resource.file.uuid == second.file.uuid


WRITES = ("update_item", "batch_write_item", "transact_write_items")


def refuse(error: Any, name: str, monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    """Let DynamoDB refuse the nth write from now on, counted from 0, and no other."""
    client, numbers = clients.dynamodb(), count()

    def refusing(write: Callable[..., Any]) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            if next(numbers) == nth:
                raise ClientError(error, name)
            return write(**request)

        return call

    for method in WRITES:
        monkeypatch.setattr(client, method, refusing(getattr(client, method)))


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        pytest.param("TransactionConflictException", [], id="by itself"),
        pytest.param("TransactionCanceledException", ["TransactionConflict"], id="in one"),
    ],
)
def test_a_tombstone_that_another_writer_is_in_the_way_of(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, code: str, reasons: list[str]
) -> None:
    uuids = [one.file.uuid for one in receptions(CYCLES)]
    cancelled = {"Error": {"Code": code}, "CancellationReasons": [{"Code": r} for r in reasons]}
    refuse(cancelled, "TransactWriteItems", monkeypatch, 0)
    assert ended.put_tombstone(kept.index.table, INSTANCE, uuids)
    assert ended_of(kept, uuids) == set(uuids)


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_a_tombstone_counts_what_has_a_row_of_its_own(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """Also where it fails midway, whose repetition puts the rest."""
    uuids = [f"{n:036}" for n in range(IN_ROW + 150)]
    with monkeypatch.context() as patch:
        refuse({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems", patch, nth)
        with suppress(Unavailable):
            ended.put_tombstone(kept.index.table, INSTANCE, uuids)
    for _ in range(2):
        row = kept.index.table.get(keys.resource(INSTANCE)) or {}
        aside = kept.index.table.iter_query(keys.resource(INSTANCE)["pk"]["S"], prefix=keys.ENDED)
        assert len(list(aside)) == codec.read_number(row, "es")
        assert ended.put_tombstone(kept.index.table, INSTANCE, uuids)
    assert ended_of(kept, uuids) == set(uuids)
    assert most_in_a_row(kept) == IN_ROW


def test_no_tombstone_where_an_instance_is_served(kept: Archive) -> None:
    first, second = receptions(2)
    send(kept, first)
    assert not ended.put_tombstone(kept.index.table, first.orthanc_id, [second.file.uuid])
    assert ended_of(kept, [second.file.uuid]) == set()


def ended_of(archive: Archive, uuids: Sequence[str]) -> set[str]:
    """Return which receptions of an instance have ended."""
    row = archive.index.table.get(keys.resource(INSTANCE)) or {}
    found = [InstanceKey(FINAL, INSTANCE, uuid) for uuid in uuids]
    return ended.ended_among(archive.index.table, {INSTANCE: row}, found)
