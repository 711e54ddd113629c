"""Makes resources stable when nothing was received beneath them for a while."""

from __future__ import annotations

from functools import cache
from typing import Any

from nephele.services.archive import Archive, open_archive
from nephele.services.messages import batch_answer, each_message, read_batch, read_json
from nephele.services.stability import settle
from nephele.settings.environment import StableEnvironment


@cache
def _archive() -> Archive:
    return open_archive(StableEnvironment())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Settle a batch of reminders; those that failed come again."""
    failed = each_message(read_batch(event), lambda _, body: settle(_archive(), read_json(body)))
    return batch_answer(event, failed)
