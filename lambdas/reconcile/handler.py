"""Looks for what fell through, on a schedule."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from nephele.logs import logger
from nephele.services.archive import Archive, open_archive
from nephele.services.reconcile import GRACE_SECONDS, PREFIXES_PER_RUN, reconcile
from nephele.settings.environment import ReconcileEnvironment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_RESERVE_MILLISECONDS = 20_000
"""Kept for finishing the prefix at hand."""


@cache
def _archive() -> Archive:
    return open_archive(ReconcileEnvironment())


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Look for what fell through, for as long as this invocation lasts.

    The schedule's event says nothing of it; `prefixes` (of 256) and `grace_seconds` may be given
    by whoever wants the whole bucket looked through now.
    """
    found = asdict(
        reconcile(
            _archive(),
            lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS,
            grace_seconds=float(event.get("grace_seconds", GRACE_SECONDS)),
            prefixes=int(event.get("prefixes", PREFIXES_PER_RUN)),
        )
    )
    logger.info("reconciled", extra=found)
    return found
