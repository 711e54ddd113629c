"""After a crash: ministack keeps objects at once, its tables only when it is stopped.

So the index is as old as the last clean stop. It is built anew from the bucket and its journal
before anything else may write to it; then the reconciler looks for what was not yet worked on.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from infra.local import children
from infra.local.aws.server import RootCredentials
from infra.local.errors import LocalStackError
from infra.local.reindexing import INCOMPLETE
from nephele.settings.environment import PREFIX

if TYPE_CHECKING:
    from infra.local.cloud import Cloud
    from infra.local.folders import DataFolder
    from infra.local.running import Running
    from nephele.settings.configuration import Configuration

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_SECONDS = 600.0
_LOOK_AGAIN_SECONDS = 0.2
_ALL = 256


async def rebuild_index(
    cloud: Cloud, folder: DataFolder, configuration: Configuration, say: Callable[[str], None]
) -> None:
    """Build the index anew from the bucket and its journal, before functions run.

    Raises
    ------
    LocalStackError
        It could not be built; the log says why. The next start tries again.
    """
    log = folder.logs / "reindex.log"
    code = await children.run_to_end(
        [sys.executable, "-m", "infra.local.reindexing"],
        environment=_environment(cloud, configuration),
        log=log,
        folder=_ROOT,
    )
    if code == INCOMPLETE:
        say(f"some objects cannot be read, and are not in the index: {log} names them")
    elif code:
        raise LocalStackError(f"the index could not be built anew from the bucket; see {log}")


def _environment(cloud: Cloud, configuration: Configuration) -> dict[str, str]:
    """Return the child's variables; it asks AWS directly, where no faults are injected."""
    root = RootCredentials()
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        **cloud.variables(),
        "AWS_ENDPOINT_URL": cloud.server.endpoint,
        "AWS_ACCESS_KEY_ID": root.access_key,
        "AWS_SECRET_ACCESS_KEY": root.secret_key,
        f"{PREFIX}CONFIGURATION": configuration.public_json(),
        f"{PREFIX}BUCKET": cloud.inventory.bucket,
        f"{PREFIX}TABLE": cloud.inventory.table,
    }


async def recover(running: Running) -> None:
    """Look the whole bucket through, and wait until what was found is done.

    Raises
    ------
    LocalStackError
        The reconciler failed, or its work took too long.
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
            raise LocalStackError("what the last run left behind could not be done in time")
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
