"""The parts that run on the local AWS: functions with their sources, the front, the edge."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from socket import socket

from infra.local.aws.calls import Caller
from infra.local.cloud import Cloud
from infra.local.control import Control
from infra.local.edge import Edge
from infra.local.errors import LocalStackError
from infra.local.faults import Switches
from infra.local.folders import DataFolder
from infra.local.functions.code import prepare_runtime, task_root
from infra.local.functions.pool import FunctionPool
from infra.local.functions.worker import Site
from infra.local.gateway.api import read_api
from infra.local.gateway.blobs import Blobs
from infra.local.gateway.front import Front
from infra.local.inventory import DeployedFunction
from infra.local.running import Running


async def start_functions(
    stack: AsyncExitStack, cloud: Cloud, folder: DataFolder, switches: Switches
) -> Running:
    """Make the functions callable and start their event sources."""
    prepare_runtime(folder)
    caller = Caller(cloud.clients.endpoint, cloud.certificate.client_context())
    stack.push_async_callback(caller.close)
    variables = cloud.variables()
    pools = []
    fed = {mapping.function.name for mapping in cloud.inventory.mappings}
    for function in cloud.inventory.functions.values():
        cloud.roles.call(function.role, function.name)
        pools.append(FunctionPool(_site(function, folder, variables, fed), cloud.roles, switches))
    running = await asyncio.to_thread(
        lambda: Running(
            inventory=cloud.inventory,
            clients=cloud.clients,
            caller=caller,
            roles=cloud.roles,
            switches=switches,
            pools=pools,
            proxy=cloud.proxy,
        )
    )
    stack.push_async_callback(running.stop)
    running.start()
    return running


async def start_front(
    stack: AsyncExitStack, cloud: Cloud, running: Running, listener: socket
) -> None:
    """Serve HTTP."""
    api = await asyncio.to_thread(read_api, cloud.clients, cloud.inventory)
    context = cloud.certificate.client_context()
    blobs = Blobs(cloud.endpoint, cloud.inventory.bucket, context)
    stack.push_async_callback(blobs.close)
    pools = {name: running.pool(name) for name in cloud.inventory.functions}
    front = Front(api, pools, blobs)
    stack.push_async_callback(front.stop)
    await front.start(listener)


async def start_edge(
    stack: AsyncExitStack,
    cloud: Cloud,
    folder: DataFolder,
    control: Control,
    port: int,
    https_port: int,
) -> Edge:
    """Serve DICOM; the edge's credentials come from the control endpoint, as ECS's would."""
    task = cloud.inventory.task
    if task is None:
        raise LocalStackError("the templates have no task definition")
    control.edge_role = task.role
    cloud.roles.call(task.role, "edge")
    credentials = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{control.url}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": control.token,
    }
    edge = Edge(task, port, https_port, folder, {**cloud.variables(), **credentials})
    stack.push_async_callback(edge.stop)
    await edge.start()
    control.edge = edge
    return edge


def _site(
    function: DeployedFunction,
    folder: DataFolder,
    variables: Mapping[str, str],
    fed: Collection[str],
) -> Site:
    return Site(
        function=function,
        code=task_root(function, folder),
        variables=variables,
        temporary=folder.temporary,
        log=folder.logs / f"{function.name}.log",
        is_background=function.name in fed,
    )
