"""Child processes that are run to their end, or that do not outlive who waits for them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from infra.local import children

SHELL = "/bin/sh"


def run(folder: Path, script: str) -> asyncio.Task[int]:
    """Begin a shell script."""
    program = [SHELL, "-c", script]
    environment = {"PATH": os.defpath}
    return asyncio.create_task(
        children.run_to_end(program, environment=environment, log=folder / "log", folder=folder)
    )


async def _exit_code(folder: Path) -> int:
    return await run(folder, "echo said; exit 3")


def test_the_exit_code_and_what_was_said(tmp_path: Path) -> None:
    assert asyncio.run(_exit_code(tmp_path)) == 3
    assert (tmp_path / "log").read_text() == "said\n"


async def _cancelled(folder: Path) -> int:
    """Cancel a script that has started; return its process id."""
    os.mkfifo(folder / "started")
    running = run(folder, "echo $$ > started; exec sleep 600")
    process_id = int(await asyncio.to_thread((folder / "started").read_text))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    return process_id


def test_cancelled_it_leaves_nothing(tmp_path: Path) -> None:
    process_id = asyncio.run(_cancelled(tmp_path))
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)
