"""Changes as EventBridge events: each under its own number, once it has one.

A block of numbered changes is written once and never changed, so the table's stream brings each
change here; after a failure it brings some again, under the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

from nephele.aws.event_bus import Event, EventBus
from nephele.aws.index import changes
from nephele.aws.index.table import Row
from nephele.services.changes import change_document


def publish(bus: EventBus, blocks: Iterable[Row]) -> None:
    """Publish the changes of new blocks of the log."""
    bus.put_all(
        [
            Event(numbered.change.change_type.value, change_document(numbered))
            for row in blocks
            for numbered in changes.read_block(row)
        ]
    )
