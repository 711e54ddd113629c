"""Follows up on commits, publishes changes and deletions: the consumer of the table's stream."""

from __future__ import annotations

from functools import cache
from typing import Any

from nephele.aws.event_bus import EventBus
from nephele.aws.index.keys import CHANGES
from nephele.services.archive import Archive, open_archive
from nephele.services.follow_up import follow_up
from nephele.services.publish import publish
from nephele.settings.environment import MetadataEnvironment


@cache
def _archive() -> Archive:
    return open_archive(MetadataEnvironment())


@cache
def _bus() -> EventBus:
    return EventBus(MetadataEnvironment().event_bus)


def handler(event: dict[str, Any], _context: object) -> None:
    """Follow up on the outbox rows of some commits, and publish what changed."""
    rows = [record["dynamodb"]["NewImage"] for record in event["Records"]]
    blocks = [row for row in rows if row["pk"]["S"] == CHANGES]
    outbox = [row for row in rows if row["pk"]["S"] != CHANGES]
    follow_up(_archive(), outbox)
    publish(_bus(), blocks, outbox)
