"""Child processes: guarded, in sessions of their own, writing to log files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_GUARD = str(Path(__file__).with_name("guard.py"))


async def spawn(
    program: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    folder: Path,
    keep: Sequence[int] = (),
) -> asyncio.subprocess.Process:
    """Start a program that cannot outlive this process.

    Parameters
    ----------
    program : sequence of str
        An absolute path and its arguments.
    environment : mapping of str to str
        The whole environment; nothing is inherited.
    log : Path
        Where its standard output and error are appended.
    folder : Path
        Its working folder.
    keep : sequence of int
        File descriptors it inherits.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _GUARD, str(os.getpid()), *program),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
            pass_fds=tuple(keep),
        )


async def run_to_end(
    program: Sequence[str], *, environment: Mapping[str, str], log: Path, folder: Path
) -> int:
    """Run a program as `spawn` starts it, and return its exit code; cancelled, nothing is left."""
    process = await spawn(program, environment=environment, log=log, folder=folder)
    try:
        return await process.wait()
    finally:
        kill(process)
        await asyncio.shield(process.wait())


async def stop(process: asyncio.subprocess.Process, patience_seconds: float) -> bool:
    """End a process by SIGTERM, then its whole session by SIGKILL; tell if it ended in time."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        async with asyncio.timeout(patience_seconds):
            await process.wait()
    except TimeoutError:
        kill(process)
        await process.wait()
        return False
    kill(process)
    return True


def kill(process: asyncio.subprocess.Process) -> None:
    """Kill a process and whatever it has started in its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
