"""Keeps messages that no function could process."""

from __future__ import annotations

from functools import cache
from typing import Any

from nephele.services.archive import Archive, open_archive
from nephele.services.dead_letters import keep
from nephele.services.messages import batch_answer, each_message, read_batch
from nephele.settings.environment import DeadLettersEnvironment


@cache
def _archive() -> Archive:
    return open_archive(DeadLettersEnvironment())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Keep a batch of messages; those that failed come again."""
    failed = each_message(
        read_batch(event), lambda identifier, body: keep(_archive(), identifier, body)
    )
    return batch_answer(event, failed)
