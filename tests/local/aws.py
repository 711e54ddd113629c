"""A ministack of its own, with a queue, a table and a role that pollers use."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from infra.local.aws.calls import Caller
from infra.local.aws.clients import RootClients
from infra.local.aws.roles import Roles
from infra.local.aws.server import AwsServer
from infra.local.certificate import ensure_certificate
from infra.local.faults import Faults, Switches
from infra.local.folders import DataFolder
from infra.local.functions.invocation import Outcome, failure
from infra.local.functions.metrics import FunctionMetrics
from infra.local.inventory import DeployedFunction, EventMapping
from infra.local.ports import listen
from tests.local.conftest import describe

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
Handle = Callable[[list[dict[str, Any]]], Any]


@dataclass
class LocalAws:
    """A running ministack and what talks to it."""

    server: AwsServer
    clients: RootClients
    roles: Roles
    caller: Caller
    role_arn: str

    async def create_queue(self, **attributes: str) -> tuple[str, str]:
        """Create a queue; return its URL and its ARN."""
        return await asyncio.to_thread(self._create_queue, attributes)

    async def send(self, url: str, *bodies: str) -> None:
        """Send messages."""
        for body in bodies:
            await asyncio.to_thread(
                self.clients.queues.send_message, QueueUrl=url, MessageBody=body
            )

    async def count(self, url: str) -> int:
        """Return how many messages there are, visible or not."""
        found = await asyncio.to_thread(
            self.clients.queues.get_queue_attributes, QueueUrl=url, AttributeNames=["All"]
        )
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(found["Attributes"][name]) for name in names)  # type: ignore[index]

    async def receive(self, url: str) -> list[str]:
        """Take up to ten messages and return their bodies."""
        found = await asyncio.to_thread(
            self.clients.queues.receive_message, QueueUrl=url, MaxNumberOfMessages=10
        )
        return [message["Body"] for message in found.get("Messages", [])]

    def _create_queue(self, attributes: dict[str, str]) -> tuple[str, str]:
        name = f"queue-{uuid.uuid4().hex}"
        url = self.clients.queues.create_queue(
            QueueName=name,
            Attributes=attributes,  # type: ignore[arg-type]
        )["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:000000000000:{name}"


@asynccontextmanager
async def local_aws(folder: DataFolder) -> AsyncIterator[LocalAws]:
    """Run a ministack."""
    certificate = ensure_certificate(folder.tls)
    server = AwsServer(listen(0, ""), folder, certificate)
    await server.start()
    clients = RootClients(server.endpoint, certificate)
    caller = Caller(server.endpoint, certificate.client_context())
    try:
        role_arn = await asyncio.to_thread(_create_role, clients)
        yield LocalAws(server, clients, Roles(clients), caller, role_arn)
    finally:
        await caller.close()
        clients.close()
        await server.stop()


def _create_role(clients: RootClients) -> str:
    iam = clients.identities
    role = iam.create_role(RoleName="pollers", AssumeRolePolicyDocument=json.dumps(_TRUST))
    allowed = {"Effect": "Allow", "Action": ["sqs:*", "dynamodb:*", "s3:*"], "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    iam.put_role_policy(
        RoleName="pollers", PolicyName="everything", PolicyDocument=json.dumps(policy)
    )
    return role["Role"]["Arn"]


@dataclass
class RecordingPool:
    """Stands where a function stands: keeps what it is given, answers what a test says."""

    handle: Handle = lambda records: None
    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    function: DeployedFunction = field(default_factory=lambda: describe("tiny", Path("/")))
    metrics: FunctionMetrics = field(default_factory=FunctionMetrics)
    running: int = 0
    most_running: int = 0
    seconds: float = 0.0

    async def invoke(self, payload: bytes) -> Outcome:
        """Keep the records and answer; an exception is the function's."""
        records = orjson.loads(payload)["Records"]
        self.batches.append(records)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1
        try:
            return Outcome(orjson.dumps(self.handle(records)))
        except ValueError as exc:
            return failure("ValueError", str(exc))

    @property
    def bodies(self) -> list[str]:
        """The bodies of all messages given so far."""
        return [record["body"] for batch in self.batches for record in batch]


def mapping(function: DeployedFunction, source_arn: str, **changes: Any) -> EventMapping:
    """Describe a mapping as Lambda would."""
    fields: dict[str, Any] = {
        "function": function,
        "source_arn": source_arn,
        "batch_size": 10,
        "window_seconds": 0,
        "maximum_concurrency": 2,
        "reports_item_failures": True,
        "patterns": (),
        "bisects": False,
        "maximum_retries": -1,
        "failure_destination": "",
    }
    return EventMapping(**(fields | changes))


def switches(**faults: Any) -> Switches:
    """Return switches with some faults on."""
    return Switches(Faults(**faults), has_proxy=True)


@asynccontextmanager
async def polled(source: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Run a source while the block runs."""
    task = asyncio.create_task(source.run())
    try:
        yield task
    finally:
        source.stop()
        await task


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Return when a condition holds; TimeoutError after a while."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)
