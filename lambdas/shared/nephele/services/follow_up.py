"""What follows a commit: numbers for its changes, completeness, reminders, removals."""

from __future__ import annotations

from collections.abc import Sequence

from nephele.aws.index import changes, codec
from nephele.aws.index.table import Row
from nephele.aws.tracing import log_step
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.services import stability
from nephele.services.archive import Archive
from nephele.services.recycle import ask_to_recycle
from nephele.services.stability import Reminder


def follow_up(archive: Archive, outbox: Sequence[Row]) -> None:
    """Do what the outbox rows of some commits ask for; a repetition does no harm."""
    received: dict[tuple[Level, OrthancId], str] = {}
    removals: list[str] = []
    for row in outbox:
        for level, orthanc_id in codec.read_document(row, "w"):
            key = Level(level), OrthancId(orthanc_id)
            received[key] = max(received.get(key, ""), row["u"]["S"])
        removals += codec.read_document(row, "p")
    archive.queue("purge").send_all([{"purge": key} for key in dict.fromkeys(removals)])
    reminders: list[Reminder] = [
        {"level": level, "id": orthanc_id, "received": when}
        for (level, orthanc_id), when in received.items()
    ]
    stability.remind(archive, reminders)
    for level, orthanc_id in received:
        if level is Level.SERIES:
            stability.complete(archive, orthanc_id)
    changes.number_pending(archive.index.table)
    if archive.configuration.auto_forward:
        from nephele.services.forward import forward  # only where it is asked for

        forward(archive, outbox)
    ask_to_recycle(archive)
    for row in outbox:
        for trace in codec.read_document(row, "t"):
            log_step("followed up", trace)
