"""Synthesis in a child process, so that a signal ends it, too."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from infra.local import children
from infra.local.errors import LocalStackError

_ROOT = Path(__file__).resolve().parents[2]
_SHOWN_CHARACTERS = 4000


async def synthesize(config: Path | None, outdir: Path, log: Path) -> Path:
    """Write the cloud assembly and return its folder; nothing is done when nothing has changed.

    Raises
    ------
    LocalStackError
        With the end of what synthesis said.
    """
    arguments = ["-c", "local=true"]
    if config:
        arguments += ["-c", f"config={config.resolve()}"]
    log.unlink(missing_ok=True)
    code = await children.run_to_end(
        [sys.executable, "-m", "infra.synth", "--out", str(outdir), *arguments],
        environment=os.environ,
        log=log,
        folder=_ROOT,
    )
    if code:
        said = log.read_text(encoding="utf-8", errors="replace")[-_SHOWN_CHARACTERS:]
        raise LocalStackError(f"synthesis failed:\n{said}")
    return outdir
