"""Runs slices of jobs."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from nephele.services.archive import Archive, open_archive
from nephele.services.jobs.kinds import load_kind
from nephele.services.jobs.worker import run_event
from nephele.settings.environment import JobsEnvironment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_SLICE_SECONDS = 60.0
"""A slice ends after so long: what a client wants of the queue's jobs is seen to in between."""
_RESERVE_MILLISECONDS = 60_000


@cache
def _archive() -> Archive:
    return open_archive(JobsEnvironment())


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run the slices a batch of messages asks for; those that cannot be run come again."""
    end = time.monotonic() + _SLICE_SECONDS

    def has_time() -> bool:
        is_early = context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS
        return is_early and time.monotonic() < end

    return run_event(_archive(), event, load_kind, has_time)
