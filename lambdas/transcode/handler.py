"""Transcodes raw objects on their way in."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from nephele.domain.codecs.freed_memory import keep_freed_memory
from nephele.services.archive import Archive, open_archive
from nephele.services.messages import (
    batch_answer,
    kept_away,
    last_tries,
    read_batch,
    transcode_messages,
)
from nephele.settings.environment import TranscodeEnvironment

_RESERVE_MILLISECONDS = 120_000
"""Kept for copying an object as it came, should transcoding it take too long."""

keep_freed_memory()


@cache
def _archive() -> Archive:
    return open_archive(TranscodeEnvironment())


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Transcode a batch of messages; those that failed come again."""
    with kept_away(event):
        failed = transcode_messages(
            _archive(),
            read_batch(event),
            last_tries(event),
            lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS,
        )
    return batch_answer(event, failed)
