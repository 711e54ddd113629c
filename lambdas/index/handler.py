"""Indexes the objects S3 announces."""

from __future__ import annotations

from functools import cache
from typing import Any

from nephele.services.archive import Archive, open_archive
from nephele.services.messages import batch_answer, index_messages, read_batch
from nephele.settings.environment import IndexEnvironment


@cache
def _archive() -> Archive:
    return open_archive(IndexEnvironment())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Index a batch of messages; those that failed come again."""
    return batch_answer(event, index_messages(_archive(), read_batch(event)))
