"""Removes the oldest patients where the archive is above its limits."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from nephele.services.archive import Archive, open_archive
from nephele.services.messages import (
    batch_answer,
    each_message,
    kept_away,
    read_batch,
    redelivered,
)
from nephele.services.recycle import recycle
from nephele.settings.environment import RecycleEnvironment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_RESERVE_MILLISECONDS = 60_000
"""Kept for what is being deleted when time runs out."""


@cache
def _archive() -> Archive:
    return open_archive(RecycleEnvironment())


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Recycle; a message that failed comes again."""

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS

    again = redelivered(event)

    def work(identifier: str, _: str) -> None:
        recycle(_archive(), has_time, is_again=identifier in again)

    with kept_away(event):
        failed = each_message(read_batch(event), work)
    return batch_answer(event, failed)
