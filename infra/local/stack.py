"""The local stack from its start to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import aiohttp

from infra.local.aws.server import REGION
from infra.local.cloud import Cloud, start_cloud
from infra.local.control import Control
from infra.local.errors import ChildDied, LocalStackError
from infra.local.faults import Switches
from infra.local.folders import DataFolder
from infra.local.functions.code import runs_bundles
from infra.local.options import LocalOptions
from infra.local.parts import start_edge, start_front, start_functions
from infra.local.ports import LOOPBACK, listen, port_of, reserve
from infra.local.recovery import rebuild_index, recover

Say = Callable[[str], None]
_NOT_EMULATED = (
    "not emulated: VPC, NLB, ECS itself (one edge process, no limits of its task), KMS grants,"
    " CloudFront and firewall, alarms, SnapStart, CPU shares by memory size, contention (ministack"
    " never conflicts), resource policies of the REST API, retries of scheduled calls"
)
_BUNDLES = "functions run from their bundles"
_SOURCES = "functions run from the source tree: this Python is {}.{}, Lambda's is 3.13"
_RECOVERING = (
    "the last run did not end cleanly: building the index anew from the bucket and its journal"
    " (the log of changes, jobs, queries, storage commitments in flight, refused associations and"
    " dead letters go back to the last clean stop; numbers of changes go on a million behind the"
    " last, and LastUpdate of what came since is the time of its reception)"
)
_FIRST_ANSWER_SECONDS = 60.0


class LocalStack:
    """Start everything, wait for the end, stop everything in order."""

    def __init__(self, options: LocalOptions, say: Say) -> None:
        self._options = options
        self._say = say
        self._folder = DataFolder(options.data.resolve())
        self._switches = Switches(options.faults, has_proxy=options.has_proxy)
        self._watched: dict[str, asyncio.Task[object]] = {}
        self._is_whole = False

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises
        ------
        LocalStackError
            It cannot start, or a part of it ended.
        """
        stopping = _on_signals()
        with self._folder.opened():
            async with AsyncExitStack() as stack:
                start = asyncio.create_task(self._start(stack))
                await _first(start, stopping)
                try:
                    if start.done():
                        start.result()
                        await self._watch(stopping)
                finally:
                    await _cancel([start, *self._watched.values()])
            if self._is_whole:
                self._folder.mark_saved()

    async def _start(self, stack: AsyncExitStack) -> None:
        """Start the parts; each leaves its stop on the stack."""
        options = self._options
        front_listener = listen(options.http_port, "--http-port")
        aws_listener = listen(options.aws_port, "--aws-port")
        dicom_port = reserve(options.dicom_port, "--dicom-port") if self._has_edge else 0
        https_port = reserve(options.https_port, "--https-port") if self._has_https else 0
        control = Control(listen(0, ""))
        self._say(_NOT_EMULATED)
        self._say(_BUNDLES if runs_bundles() else _SOURCES.format(*sys.version_info[:2]))
        cloud = await start_cloud(stack, options, self._folder, self._switches, aws_listener)
        self._watch_process("ministack", cloud.server.process)
        was_interrupted = self._folder.is_unsaved
        self._folder.mark_unsaved()
        if was_interrupted:
            self._say(_RECOVERING)
            await rebuild_index(cloud, self._folder, options.configuration, self._say)
        running = await start_functions(stack, cloud, self._folder, self._switches)
        self._watched["an event source"] = asyncio.create_task(running.failed())
        await control.start(running)
        stack.push_async_callback(control.stop)
        if was_interrupted:
            await recover(running)
        self._is_whole = True
        await start_front(stack, cloud, running, front_listener)
        if self._has_edge:
            edge = await start_edge(stack, cloud, self._folder, control, dicom_port, https_port)
            self._watched["the edge"] = asyncio.create_task(edge.keep_running(self._say))
        ports = port_of(front_listener), dicom_port, https_port
        await self._ready(*ports, cloud, control)

    @property
    def _has_edge(self) -> bool:
        return self._options.has_dicom and self._options.configuration.dicom_server_enabled

    @property
    def _has_https(self) -> bool:
        return self._has_edge and self._options.configuration.ssl_enabled

    async def _ready(
        self, http_port: int, dicom_port: int, https_port: int, cloud: Cloud, control: Control
    ) -> None:
        http = f"http://{LOOPBACK}:{http_port}"
        await _answered(http)
        dicom = f"{LOOPBACK}:{dicom_port}" if dicom_port else "off"
        places = {"http": http, "dicom": dicom, "aws": cloud.server.endpoint}
        if https_port:
            places["https"] = f"https://{LOOPBACK}:{https_port}"
        self._folder.describe(
            {
                **places,
                "bucket": cloud.inventory.bucket,
                "table": cloud.inventory.table,
                "region": REGION,
                "control": control.url,
                "pid": os.getpid(),
                "trusted": str(self._folder.tls / "trusted.pem"),
            }
        )
        self._say("ready " + " ".join(f"{name}={place}" for name, place in places.items()))

    def _watch_process(self, name: str, process: asyncio.subprocess.Process | None) -> None:
        if process is not None:
            self._watched[name] = asyncio.create_task(process.wait())

    async def _watch(self, stopping: asyncio.Event) -> None:
        """Wait for a signal, or for a part that ends by itself."""
        stop = asyncio.create_task(stopping.wait())
        done, _ = await asyncio.wait(
            {stop, *self._watched.values()}, return_when=asyncio.FIRST_COMPLETED
        )
        if stop in done:
            self._say("stopping")
            return
        stop.cancel()
        for name, task in self._watched.items():
            if task in done:
                task.result()
                raise ChildDied(f"{name} ended; see {self._folder.logs}")


def _on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _first(start: asyncio.Task[None], stopping: asyncio.Event) -> None:
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({start, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()


async def _cancel(tasks: Sequence[asyncio.Task[object] | asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _answered(url: str) -> None:
    """Wait for the first answer of the REST API, whatever it is."""
    timeout = aiohttp.ClientTimeout(total=_FIRST_ANSWER_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{url}/system") as response,
        ):
            await response.read()
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise LocalStackError(f"{url} does not answer: {exc!r}") from exc
