"""A worker: one process of the runtime client, killed at its timeout and at its memory size."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local import children
from infra.local.aws.roles import RoleCredentials
from infra.local.functions.code import TaskRoot
from infra.local.functions.invocation import (
    EXITED,
    OUT_OF_MEMORY,
    TIMED_OUT,
    Invocation,
    Outcome,
    failure,
)
from infra.local.functions.runtime_api import RuntimeApi
from infra.local.inventory import DeployedFunction

_INIT_SECONDS = 10.0
_WATCH_SECONDS = 0.25
_BACKGROUND_PRIORITY = 5
_counter = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Site:
    """What every worker of a function needs to start.

    Attributes
    ----------
    variables : mapping of str to str
        Environment of every function: where AWS is, whom to trust.
    is_background : bool
        Nobody waits for its answer: it leaves the processors to those somebody waits for. In AWS
        it has processors of its own.
    """

    function: DeployedFunction
    code: TaskRoot
    variables: Mapping[str, str]
    temporary: Path
    log: Path
    is_background: bool = False


class Worker:
    """One execution environment.

    Attributes
    ----------
    init_seconds : float
        How long its start took.
    """

    def __init__(self, site: Site, credentials: RoleCredentials) -> None:
        self._site = site
        self.credentials = credentials
        self._api = RuntimeApi()
        self._folder = site.temporary / f"{site.function.name}-{next(_counter)}"
        self._process: asyncio.subprocess.Process | None = None
        self._is_killed = False
        self.init_seconds = 0.0

    @property
    def is_usable(self) -> bool:
        """Tell whether it may take another invocation."""
        if self._process is None or self._is_killed or self._process.returncode is not None:
            return False
        return self.credentials.is_fresh

    async def start(self) -> Outcome | None:
        """Start the process and wait for its initialization; return the failure if it fails."""
        started = time.perf_counter()
        self._folder.mkdir(parents=True, exist_ok=True)
        await self._api.open()
        self._process = await children.spawn(
            [sys.executable, "-S", "-m", "awslambdaric", self._site.function.handler],
            environment=self._environment(),
            log=self._site.log,
            folder=self._site.code.folder,
        )
        if self._site.is_background:
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _BACKGROUND_PRIORITY)
        limit = _INIT_SECONDS + self._site.function.timeout_seconds
        ended = await self._until(asyncio.create_task(_wait(self._api.ready)), limit)
        self.init_seconds = time.perf_counter() - started
        if ended is None and self._api.ready.is_set():
            return None
        return self._api.init_error or ended

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Let it handle an event; a worker that fails to answer is dead afterwards."""
        answer = self._api.offer(invocation)
        failed = await self._until(answer, invocation.timeout_seconds)
        self._api.forget(invocation)
        if failed is not None:
            self.kill()
            return failed
        if self.peak_memory_mb() > self._site.function.memory_mb:
            self.kill()
            return self._out_of_memory()
        return answer.result()

    def peak_memory_mb(self) -> float:
        """Return the most memory the process has held so far."""
        return self._memory("VmHWM:")

    def kill(self) -> None:
        """Kill the process, whatever it does."""
        self._is_killed = True
        if self._process is not None and self._process.returncode is None:
            children.kill(self._process)

    async def stop(self) -> None:
        """End the process and remove its temporary files."""
        self.kill()
        if self._process is not None:
            await self._process.wait()
        await self._api.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _until(
        self, answer: asyncio.Future[Outcome] | asyncio.Task[None], limit_seconds: float
    ) -> Outcome | None:
        """Wait for an answer; return a failure when the process ends, grows or takes too long."""
        process = self._process
        if process is None:
            raise RuntimeError("the worker was not started")
        exited = asyncio.create_task(process.wait())
        deadline = time.monotonic() + limit_seconds
        try:
            while True:
                pause = min(_WATCH_SECONDS, max(0.0, deadline - time.monotonic()))
                await asyncio.wait(
                    {answer, exited}, timeout=pause, return_when=asyncio.FIRST_COMPLETED
                )
                if answer.done():
                    return None
                if exited.done():
                    return self._exit(process.returncode)
                if self._memory("VmRSS:") > self._site.function.memory_mb:
                    return self._out_of_memory()
                if time.monotonic() >= deadline:
                    message = f"Task timed out after {limit_seconds:.2f} seconds"
                    return failure(TIMED_OUT, message)
        finally:
            exited.cancel()
            answer.cancel()

    def _exit(self, code: int | None) -> Outcome:
        status = f"signal: {-code}" if code is not None and code < 0 else f"exit status {code}"
        return failure(EXITED, f"Runtime exited with error: {status}")

    def _out_of_memory(self) -> Outcome:
        return failure(OUT_OF_MEMORY, f"used more than {self._site.function.memory_mb} MB")

    def _memory(self, field: str) -> float:
        if self._process is None:
            return 0.0
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            return 0.0
        found = (line for line in status.splitlines() if line.startswith(field))
        return next((int(line.split()[1]) / 1024 for line in found), 0.0)

    def _environment(self) -> dict[str, str]:
        function = self._site.function
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": str(self._folder),
            "PYTHONPATH": self._site.code.python_path(),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LAMBDA_TASK_ROOT": str(self._site.code.folder),
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": function.physical_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._folder.name,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            **self._site.variables,
            **self.credentials.environment(),
            **function.environment,
        }


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
