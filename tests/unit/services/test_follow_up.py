"""What follows a commit: completeness, stability, removal, dead letters, reconciliation."""

from __future__ import annotations

import io
from dataclasses import replace

import orjson
import pytest

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.commit import Committer
from nephele.aws.index.records import put_failure
from nephele.domain.levels import Level
from nephele.errors import UnknownResource
from nephele.services import dead_letters
from nephele.services.archive import Archive
from nephele.services.changes import changes
from nephele.services.delete import delete
from nephele.services.events import object_event
from nephele.services.follow_up import follow_up
from nephele.services.messages import index_messages
from nephele.services.purge import purge
from nephele.services.reconcile import reconcile
from nephele.services.stability import settle, settle_forgotten
from nephele.settings.configuration import parse_configuration
from tests.unit.conftest import entry, messages


def outbox(archive: Archive) -> list[codec.Row]:
    return [
        row
        for shard in range(keys.PENDING_SHARDS)
        for row in archive.index.table.iter_query(f"{keys.PENDING}{shard}")
    ]


def kinds(archive: Archive) -> list[str]:
    return [numbered.change.change_type for numbered in changes(archive).changes]


def at_once(archive: Archive) -> Archive:
    """Return the archive with a StableAge of 0, so that reminders are visible at once."""
    return Archive(
        parse_configuration('{"StableAge": 0}'), archive.bucket, archive.index, archive.queues
    )


def test_a_series_is_completed_once(archive: Archive, committer: Committer) -> None:
    for n in (1, 2):
        committer.commit([entry(f"1.2.3.{n}", uuid=f"u{n}", number=n, expected=2)])
        rows = outbox(archive)
        follow_up(archive, rows)
        follow_up(archive, rows)
    assert kinds(archive).count("CompletedSeries") == 1


def test_a_trace_goes_on_behind_the_stream(
    archive: Archive, committer: Committer, caplog: pytest.LogCaptureFixture
) -> None:
    traced = "0f8fad5b-d9cb-469f-a165-708677289502"
    committer.commit([entry("1.2.3.1", uuid=traced), entry("1.2.3.2", uuid=f"{traced[:-2]}03")])
    follow_up(archive, outbox(archive))
    (line,) = caplog.records
    assert line.message == "followed up"
    assert vars(line)["trace"] == "0f8fad5bd9cb469fa1657086"


def test_a_rebuilt_index_goes_on_with_no_trace(archive: Archive, committer: Committer) -> None:
    traced = "0f8fad5b-d9cb-469f-a165-708677289502"
    committer.commit([entry("1.2.3.1", uuid="u1")])
    rebuilding = replace(committer, is_rebuilding=True)
    rebuilding.commit([entry("1.2.3.1", uuid=traced)])
    assert all("t" not in row for row in outbox(archive))


def test_nothing_received_since_makes_a_resource_stable(
    archive: Archive, committer: Committer
) -> None:
    archive = at_once(archive)
    committer.commit([entry()])
    follow_up(archive, outbox(archive))
    reminders = messages(archive, "stable")
    assert {reminder["level"] for reminder in reminders} == {"Patient", "Study", "Series"}
    for reminder in reminders * 2:
        settle(archive, reminder)
    assert sorted(kinds(archive)[4:]) == ["StablePatient", "StableSeries", "StableStudy"]
    series = archive.index.resource(entry().header.identity.orthanc_id(Level.SERIES))
    assert series is not None
    assert series.is_stable


def test_a_later_reception_keeps_it_unstable(archive: Archive, committer: Committer) -> None:
    archive = at_once(archive)
    committer.commit([entry()])
    follow_up(archive, outbox(archive))
    committer.commit([entry("1.2.3.5", uuid="u5")])
    assert [settle(archive, reminder) for reminder in messages(archive, "stable")] == [False] * 3
    assert "StableSeries" not in kinds(archive)


def test_an_early_reminder_waits_on(archive: Archive, committer: Committer) -> None:
    follow_up(at_once(archive), outbox(archive))
    committer.commit([entry()])
    follow_up(at_once(archive), outbox(archive))
    (reminder, *_) = messages(archive, "stable")
    assert not settle(archive, reminder)  # StableAge is 60 s here


_ALL_STABLE = ["StablePatient", "StableSeries", "StableStudy"]


def _of_stability(archive: Archive) -> list[str]:
    return [kind for kind in kinds(archive) if kind.startswith(("Stable", "Completed"))]


def test_stability_comes_though_the_stream_rested(archive: Archive, committer: Committer) -> None:
    """No outbox row is ever followed up: the log alone tells what was touched, once."""
    archive = at_once(archive)
    for n in (1, 2):
        committer.commit([entry(f"1.2.3.{n}", uuid=f"u{n}", number=n, expected=2)])
    found = reconcile(archive, _budget(9), grace_seconds=0, prefixes=1)
    assert found.settled == 3
    assert sorted(_of_stability(archive)) == ["CompletedSeries", *_ALL_STABLE]
    assert reconcile(archive, _budget(9), grace_seconds=0, prefixes=1).settled == 0
    assert len(_of_stability(archive)) == 4
    assert messages(archive, "stable") == []


def test_stability_is_lost_again_by_a_later_reception(
    archive: Archive, committer: Committer
) -> None:
    archive = at_once(archive)
    committer.commit([entry()])
    assert reconcile(archive, _budget(9), grace_seconds=0, prefixes=1).settled == 3
    committer.commit([entry("1.2.3.5", uuid="u5")])
    assert reconcile(archive, _budget(9), grace_seconds=0, prefixes=1).settled == 3
    assert sorted(_of_stability(archive)) == sorted(_ALL_STABLE * 2)


def test_what_is_young_is_left_to_its_reminders(archive: Archive, committer: Committer) -> None:
    """And it is looked at when it is old enough, though the log has gone on since."""
    committer.commit([entry()])  # StableAge is 60 s here
    assert reconcile(archive, _budget(9), grace_seconds=0, prefixes=1).settled == 0
    assert _of_stability(archive) == []
    assert reconcile(at_once(archive), _budget(9), grace_seconds=0, prefixes=1).settled == 3


def test_what_became_stable_in_time_is_not_asked_again(
    archive: Archive, committer: Committer
) -> None:
    archive = at_once(archive)
    committer.commit([entry()])
    follow_up(archive, outbox(archive))
    for reminder in messages(archive, "stable"):
        assert settle(archive, reminder)
    assert reconcile(archive, _budget(9), grace_seconds=0, prefixes=1).settled == 0
    assert sorted(_of_stability(archive)) == _ALL_STABLE


def test_the_walk_goes_on_where_it_ended(
    archive: Archive, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nephele.services.stability._BLOCKS_AT_ONCE", 1)
    archive = at_once(archive)
    for n in range(3):
        committer.commit([entry(f"1.2.3.{n}", uuid=f"u{n}", series=f"1.2.{n}")])
        kinds(archive)  # who reads the log closes a block
    assert settle_forgotten(archive, _budget(1), 0) == 3
    assert settle_forgotten(archive, _budget(0), 0) == 0
    assert settle_forgotten(archive, _budget(99), 0) == 2
    assert _of_stability(archive).count("StableSeries") == 3


def test_what_was_deleted_meanwhile_stays_so(archive: Archive, committer: Committer) -> None:
    archive = at_once(archive)
    received = entry()
    committer.commit([received])
    delete(archive, Level.INSTANCE, received.orthanc_id)
    assert reconcile(archive, _budget(9), grace_seconds=0, prefixes=1).settled == 0
    assert _of_stability(archive) == []


def test_objects_of_deleted_instances_are_removed(archive: Archive, committer: Committer) -> None:
    received = entry()
    archive.bucket.put_large(received.file.key, io.BytesIO(b"pixels"), {})
    committer.commit([received])
    assert not purge(archive, received.file.key), "an instance that is served stays"
    delete(archive, Level.INSTANCE, received.orthanc_id)
    follow_up(archive, outbox(archive))
    (message,) = messages(archive, "purge")
    assert purge(archive, message["purge"])
    assert list(archive.bucket.iter_objects("dicom/")) == []
    assert outbox(archive) == []


def test_an_object_that_waits_for_its_entry_stays(archive: Archive) -> None:
    assert not purge(archive, entry().file.key)


def test_a_version_aside_stays(archive: Archive, committer: Committer) -> None:
    loser = entry(uuid="u2", received="20260102T000000.000000", content=b"other")
    committer.commit([entry(), loser])
    assert not purge(archive, loser.file.key)


def test_a_dead_letter_tells_its_reason_and_can_be_sent_again(archive: Archive) -> None:
    key = entry().file.key
    put_failure(archive.index.table, key, "BadFileFormat: truncated")
    body = orjson.dumps(object_event(key)).decode()
    dead_letters.keep(archive, "m1", body)
    dead_letters.keep(archive, "m1", body)
    (letter,) = dead_letters.list_dead_letters(archive)
    assert (letter.queue, letter.object_key) == ("index", key)
    assert letter.reason == "BadFileFormat: truncated"
    dead_letters.retry(archive, letter.identifier)
    assert messages(archive, "index") == [orjson.loads(body)]
    assert dead_letters.list_dead_letters(archive) == []
    with pytest.raises(UnknownResource):
        dead_letters.retry(archive, letter.identifier)


@pytest.mark.parametrize(
    ("body", "queue"),
    [
        ('{"purge":"dicom/aa/b/c"}', "purge"),
        ('{"level":"Series","id":"x","received":"y"}', "stable"),
        ('{"DDBStreamBatchInfo":{}}', "stream"),
        ("nonsense", "unknown"),
        (orjson.dumps(object_event("raw/0a/0a1/u")).decode(), "transcode"),
    ],
    ids=["purge", "stable", "stream", "unknown", "transcode"],
)
def test_a_dead_letter_knows_its_queue(archive: Archive, body: str, queue: str) -> None:
    dead_letters.keep(archive, "m1", body)
    (letter,) = dead_letters.list_dead_letters(archive)
    assert letter.queue == queue


def test_lost_objects_are_found(archive: Archive, committer: Committer) -> None:
    lost, known, ended = (entry(f"1.2.3.{n}", uuid=f"u{n}") for n in range(3))
    for received in (lost, known, ended):
        archive.bucket.put_large(received.file.key, io.BytesIO(b"pixels"), {})
    archive.bucket.put_large("raw/0a/0a1/u", io.BytesIO(b"pixels"), {})
    committer.commit([known, ended])
    delete(archive, Level.INSTANCE, ended.orthanc_id)
    found = reconcile(archive, _budget(256), grace_seconds=0, prefixes=256)
    assert (found.prefixes, found.objects, found.sent_again, found.to_purge) == (257, 4, 2, 1)
    assert messages(archive, "index") == [object_event(lost.file.key)]
    assert messages(archive, "transcode") == [object_event("raw/0a/0a1/u")]
    assert messages(archive, "purge") == [{"purge": ended.file.key}]


def test_a_raw_object_is_announced_again_once_in_hours(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run would add the whole backlog to a queue that is behind."""
    archive.bucket.put_large("raw/0a/0a1/u", io.BytesIO(b"pixels"), {})
    sent = [reconcile(archive, _budget(0), grace_seconds=0).sent_again for _ in range(3)]
    real = clock.epoch_seconds
    monkeypatch.setattr(clock, "epoch_seconds", lambda: real() + 7 * 3600)
    sent.append(reconcile(archive, _budget(0), grace_seconds=0).sent_again)
    assert sent == [1, 0, 0, 1]
    assert messages(archive, "transcode") == [object_event("raw/0a/0a1/u")] * 2


def test_a_run_begins_where_the_last_one_ended(archive: Archive) -> None:
    assert reconcile(archive, _budget(3), grace_seconds=0).prefixes == 4
    assert archive.index.table.get(keys.cursor("reconcile"))["k"]["S"] == "dicom/02/"  # type: ignore[index]
    assert reconcile(archive, _budget(3), grace_seconds=0).prefixes == 4
    assert archive.index.table.get(keys.cursor("reconcile"))["k"]["S"] == "dicom/05/"  # type: ignore[index]


def _budget(prefixes: int):  # type: ignore[no-untyped-def]
    left = iter([True] * prefixes)
    return lambda: next(left, False)


def test_young_objects_are_left_to_their_events(archive: Archive) -> None:
    archive.bucket.put_large(entry().file.key, io.BytesIO(b"pixels"), {})
    assert reconcile(archive, _budget(256), grace_seconds=900, prefixes=256).objects == 0


def test_an_empty_batch_does_nothing(archive: Archive) -> None:
    assert index_messages(archive, {}) == []
