"""After a crash: ministack keeps objects at once, its tables only when it is stopped.

So the index is as old as the last clean stop, and the reconciler brings it up to the bucket.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson

from infra.local.errors import LocalStackError

if TYPE_CHECKING:
    from infra.local.running import Running

_LONGEST_SECONDS = 600.0
_LOOK_AGAIN_SECONDS = 0.2
_ALL = 256


async def recover(running: Running) -> None:
    """Look the whole bucket through, and wait until what was found is indexed.

    Raises
    ------
    LocalStackError
        The reconciler failed, or indexing took too long.
    """
    deadline = time.monotonic() + _LONGEST_SECONDS
    seen = 0
    while seen < _ALL:
        event = orjson.dumps({"prefixes": _ALL - seen, "grace_seconds": 0})
        outcome = await running.pool("reconcile").invoke(event)
        if outcome.error:
            raise LocalStackError(f"the reconciler failed: {outcome.error}")
        seen += max(1, orjson.loads(outcome.payload)["prefixes"] - 1)
    while not await running.is_idle():
        if time.monotonic() > deadline:
            raise LocalStackError("what the last run left behind could not be indexed in time")
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
