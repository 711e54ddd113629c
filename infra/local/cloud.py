"""The local AWS with everything deployed on it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from infra.local.assembly import read_assembly
from infra.local.aws.clients import RootClients
from infra.local.aws.proxy import AwsProxy
from infra.local.aws.roles import Roles
from infra.local.aws.server import REGION, AwsServer
from infra.local.certificate import Certificate, ensure_certificate
from infra.local.deployment import deploy
from infra.local.faults import Switches
from infra.local.folders import DataFolder
from infra.local.inventory import Inventory, read_inventory
from infra.local.options import LocalOptions
from infra.local.ports import listen
from infra.local.synthesis import synthesize
from infra.local.users import push_peers, push_users


@dataclass(frozen=True, slots=True)
class Cloud:
    """What is deployed, and how it is reached.

    Attributes
    ----------
    proxy : AwsProxy or None
        Stands between our processes and AWS when calls are counted or made to fail.
    """

    server: AwsServer
    certificate: Certificate
    clients: RootClients
    roles: Roles
    inventory: Inventory
    proxy: AwsProxy | None

    @property
    def endpoint(self) -> str:
        """Where our processes find AWS."""
        return self.proxy.endpoint if self.proxy else self.server.endpoint

    def variables(self) -> dict[str, str]:
        """Return what every process of ours needs to find the local AWS and trust it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CA_BUNDLE": str(self.certificate.bundle),
            "SSL_CERT_FILE": str(self.certificate.bundle),
            "AWS_EC2_METADATA_DISABLED": "true",
        }


async def start_cloud(
    stack: AsyncExitStack,
    options: LocalOptions,
    folder: DataFolder,
    switches: Switches,
    listener: socket,
) -> Cloud:
    """Synthesize, start ministack and deploy; what was started leaves its stop on the stack."""
    certificate = ensure_certificate(folder.tls)
    server = AwsServer(listener, folder, certificate)
    is_new = not server.has_state
    stack.push_async_callback(server.stop)
    _, assembly = await asyncio.gather(server.start(), _synthesize(options, folder))
    clients = RootClients(server.endpoint, certificate)
    stack.callback(clients.close)
    inventory = await asyncio.to_thread(_deploy, clients, assembly, options)
    if is_new:  # or a crash would lose which bucket is ours
        await server.save()
    roles = Roles(clients)
    proxy = None
    if options.has_proxy:
        proxy = AwsProxy(listen(0, ""), server.endpoint, certificate, roles, switches)
        stack.push_async_callback(proxy.stop)
        await proxy.start()
    return Cloud(server, certificate, clients, roles, inventory, proxy)


async def _synthesize(options: LocalOptions, folder: DataFolder) -> Path:
    outdir = options.assembly or folder.assembly
    return await synthesize(options.config, outdir.resolve(), folder.logs / "synthesis.log")


def _deploy(clients: RootClients, assembly: Path, options: LocalOptions) -> Inventory:
    inventory = read_inventory(clients, deploy(clients, read_assembly(assembly)))
    push_users(clients, inventory, options.configuration)
    push_peers(clients, inventory, options)
    return inventory
