"""The local stack from its start to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from infra.local.assembly import read_assembly
from infra.local.aws.calls import Caller
from infra.local.aws.clients import RootClients
from infra.local.aws.proxy import AwsProxy
from infra.local.aws.roles import Roles
from infra.local.aws.server import REGION, AwsServer
from infra.local.certificate import Certificate, ensure_certificate
from infra.local.control import Control
from infra.local.deployment import deploy
from infra.local.edge import Edge
from infra.local.errors import ChildDied, LocalStackError
from infra.local.faults import Switches
from infra.local.folders import DataFolder
from infra.local.functions.code import prepare_runtime, runs_bundles, task_root
from infra.local.functions.pool import FunctionPool
from infra.local.functions.worker import Site
from infra.local.gateway.api import read_api
from infra.local.gateway.blobs import Blobs
from infra.local.gateway.front import Front
from infra.local.inventory import DeployedFunction, Inventory, read_inventory
from infra.local.options import LocalOptions
from infra.local.ports import LOOPBACK, listen, port_of, reserve
from infra.local.running import Running
from infra.local.synthesis import synthesize
from infra.local.users import push_users

Say = Callable[[str], None]
_NOT_EMULATED = (
    "not emulated: VPC, NLB, ECS itself (one edge process, no limits of its task), KMS grants,"
    " CloudFront, SnapStart, CPU shares by memory size, contention (ministack never conflicts),"
    " resource policies of the REST API, retries of scheduled calls"
)
_BUNDLES = "functions run from their bundles"
_SOURCES = "functions run from the source tree: this Python is {}.{}, Lambda's is 3.13"
_FIRST_ANSWER_SECONDS = 60.0


class LocalStack:
    """Start everything, wait for the end, stop everything in order."""

    def __init__(self, options: LocalOptions, say: Say) -> None:
        self._options = options
        self._say = say
        self._folder = DataFolder(options.data.resolve())
        self._switches = Switches(options.faults, has_proxy=options.has_proxy)
        self._watched: dict[str, asyncio.Task[object]] = {}

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

    async def _start(self, stack: AsyncExitStack) -> None:
        """Start the parts; each leaves its stop on the stack."""
        options = self._options
        front_listener = listen(options.http_port, "--http-port")
        aws_listener = listen(options.aws_port, "--aws-port")
        control = Control(listen(0, ""))
        dicom_port = reserve(options.dicom_port, "--dicom-port") if self._has_edge else 0
        certificate = ensure_certificate(self._folder.tls)
        server = AwsServer(aws_listener, self._folder, certificate)
        stack.push_async_callback(server.stop)
        self._say(_NOT_EMULATED)
        self._say(_BUNDLES if runs_bundles() else _SOURCES.format(*sys.version_info[:2]))
        _, assembly = await asyncio.gather(server.start(), self._synthesize())
        self._watch_process("ministack", server.process)
        clients = RootClients(server.endpoint, certificate)
        stack.callback(clients.close)
        inventory = await asyncio.to_thread(self._deploy, clients, assembly)
        roles = Roles(clients)
        proxy = await self._start_proxy(stack, server, certificate, roles)
        endpoint = proxy.endpoint if proxy else server.endpoint
        variables = _variables(endpoint, certificate)
        running = await self._start_functions(stack, inventory, clients, roles, proxy, variables)
        blobs = Blobs(endpoint, inventory.bucket, certificate.client_context())
        stack.push_async_callback(blobs.close)
        await control.start(running)
        stack.push_async_callback(control.stop)
        front = await self._front(clients, inventory, running, blobs)
        stack.push_async_callback(front.stop)
        await front.start(front_listener)
        if self._has_edge:
            edge = self._edge(inventory, dicom_port, control, variables, roles)
            stack.push_async_callback(edge.stop)
            await edge.start()
            self._watch_process("the edge", edge.process)
        await self._ready(port_of(front_listener), dicom_port, server.endpoint, control)

    @property
    def _has_edge(self) -> bool:
        return self._options.has_dicom and self._options.configuration.dicom_server_enabled

    async def _synthesize(self) -> Path:
        outdir = self._options.assembly or self._folder.assembly
        return await synthesize(
            self._options.config, outdir.resolve(), self._folder.logs / "synthesis.log"
        )

    def _deploy(self, clients: RootClients, assembly: Path) -> Inventory:
        inventory = read_inventory(clients, deploy(clients, read_assembly(assembly)))
        push_users(clients, inventory, self._options.configuration)
        return inventory

    async def _start_proxy(
        self, stack: AsyncExitStack, server: AwsServer, certificate: Certificate, roles: Roles
    ) -> AwsProxy | None:
        if not self._options.has_proxy:
            return None
        proxy = AwsProxy(listen(0, ""), server.endpoint, certificate, roles, self._switches)
        stack.push_async_callback(proxy.stop)
        await proxy.start()
        return proxy

    async def _start_functions(
        self,
        stack: AsyncExitStack,
        inventory: Inventory,
        clients: RootClients,
        roles: Roles,
        proxy: AwsProxy | None,
        variables: Mapping[str, str],
    ) -> Running:
        prepare_runtime(self._folder)
        self._folder.logs.mkdir(exist_ok=True)
        caller = Caller(clients.endpoint, clients.certificate.client_context())
        stack.push_async_callback(caller.close)
        pools = []
        for function in inventory.functions.values():
            roles.call(function.role, function.name)
            pools.append(FunctionPool(self._site(function, variables), roles, self._switches))
        running = await asyncio.to_thread(
            lambda: Running(
                inventory=inventory,
                clients=clients,
                caller=caller,
                roles=roles,
                switches=self._switches,
                pools=pools,
                proxy=proxy,
            )
        )
        stack.push_async_callback(running.stop)
        running.start()
        self._watched["an event source"] = asyncio.create_task(running.failed())
        return running

    def _site(self, function: DeployedFunction, variables: Mapping[str, str]) -> Site:
        return Site(
            function=function,
            code=task_root(function, self._folder),
            variables=variables,
            temporary=self._folder.temporary,
            log=self._folder.logs / f"{function.name}.log",
        )

    async def _front(
        self, clients: RootClients, inventory: Inventory, running: Running, blobs: Blobs
    ) -> Front:
        api = await asyncio.to_thread(read_api, clients, inventory)
        pools = {name: running.pool(name) for name in inventory.functions}
        return Front(api, pools, blobs)

    def _edge(
        self,
        inventory: Inventory,
        port: int,
        control: Control,
        variables: Mapping[str, str],
        roles: Roles,
    ) -> Edge:
        if inventory.task is None:
            raise LocalStackError("the templates have no task definition")
        control.edge_role = inventory.task.role
        roles.call(inventory.task.role, "edge")
        credentials = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{control.url}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": control.token,
        }
        return Edge(inventory.task, port, self._folder, {**variables, **credentials})

    async def _ready(self, http_port: int, dicom_port: int, aws: str, control: Control) -> None:
        http = f"http://{LOOPBACK}:{http_port}"
        await _answered(http)
        dicom = f"{LOOPBACK}:{dicom_port}" if dicom_port else "off"
        places = {"http": http, "dicom": dicom, "aws": aws}
        self._folder.describe(
            {
                **places,
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


def _variables(endpoint: str, certificate: Certificate) -> dict[str, str]:
    """Return what every process of ours needs to find the local AWS and trust it."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CA_BUNDLE": str(certificate.bundle),
        "SSL_CERT_FILE": str(certificate.bundle),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


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
