"""Removes the objects of receptions that have ended."""

from __future__ import annotations

from functools import cache
from typing import Any

from nephele.services.archive import Archive, open_archive
from nephele.services.messages import batch_answer, each_message, read_batch, read_json
from nephele.services.purge import purge
from nephele.settings.environment import PurgeEnvironment


@cache
def _archive() -> Archive:
    return open_archive(PurgeEnvironment())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Purge a batch of messages; those that failed come again."""
    failed = each_message(
        read_batch(event), lambda _, body: purge(_archive(), read_json(body)["purge"])
    )
    return batch_answer(event, failed)
