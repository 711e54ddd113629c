"""Transcodes raw objects on their way in."""

from __future__ import annotations

from functools import cache
from typing import Any

from nephele.services.archive import Archive, open_archive
from nephele.services.messages import batch_answer, last_tries, read_batch, transcode_messages
from nephele.settings.environment import TranscodeEnvironment


@cache
def _archive() -> Archive:
    return open_archive(TranscodeEnvironment())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Transcode a batch of messages; those that failed come again."""
    failed = transcode_messages(_archive(), read_batch(event), last_tries(event))
    return batch_answer(event, failed)
