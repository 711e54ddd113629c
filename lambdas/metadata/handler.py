"""Follows up on commits: the consumer of the table's stream."""

from __future__ import annotations

from functools import cache
from typing import Any

from nephele.services.archive import Archive, open_archive
from nephele.services.follow_up import follow_up
from nephele.settings.environment import MetadataEnvironment


@cache
def _archive() -> Archive:
    return open_archive(MetadataEnvironment())


def handler(event: dict[str, Any], _context: object) -> None:
    """Follow up on the outbox rows of some commits."""
    follow_up(_archive(), [record["dynamodb"]["NewImage"] for record in event["Records"]])
