"""Changes and deletions as EventBridge events.

A change is told under its own number, once it has one: a block of numbered changes is written once
and never changed, so the table's stream brings each change here. Deletions are not in the log of
changes, as with Orthanc: they have no number, and are told as soon as they are committed. After a
failure the stream brings some of both again, the same as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nephele.aws.clock import to_seconds
from nephele.aws.event_bus import Event, EventBus
from nephele.aws.index import changes, codec
from nephele.aws.index.table import Row
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.services.changes import change_document, describe


def publish(bus: EventBus, blocks: Iterable[Row], outbox: Iterable[Row]) -> None:
    """Publish the changes of new blocks of the log, and the deletions of some commits."""
    bus.put_all([*_iter_numbered(blocks), *_iter_deleted(outbox)])


def _iter_numbered(blocks: Iterable[Row]) -> Iterator[Event]:
    for row in blocks:
        for numbered in changes.read_block(row):
            yield Event(numbered.change.change_type.value, change_document(numbered))


def _iter_deleted(outbox: Iterable[Row]) -> Iterator[Event]:
    for row in outbox:
        date = to_seconds(codec.read_text(row, "u"))
        for level, orthanc_id in codec.read_document(row, "x"):
            kind = f"Deleted{level}"
            yield Event(kind, describe(kind, Level(level), OrthancId(orthanc_id), date))
