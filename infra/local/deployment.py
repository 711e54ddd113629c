"""Templates to ministack's CloudFormation, in order; a changed one is updated in place."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from infra.local.assembly import Stack
from infra.local.aws.clients import RootClients
from infra.local.errors import DeploymentFailed

_DEADLINE_SECONDS = 120.0
_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


@dataclass(frozen=True, slots=True)
class Resource:
    """A deployed resource."""

    stack: Stack
    logical_id: str
    physical_id: str
    resource_type: str


def deploy(clients: RootClients, stacks: Sequence[Stack]) -> list[Resource]:
    """Deploy the stacks and return their resources.

    Raises
    ------
    DeploymentFailed
        With the reasons of the resources that failed.
    """
    resources: list[Resource] = []
    for stack in stacks:
        _deploy_stack(clients, stack)
        resources += _resources(clients, stack)
    return resources


def _deploy_stack(clients: RootClients, stack: Stack) -> None:
    body = json.dumps(stack.local_template(), separators=(",", ":"), sort_keys=True)
    deployed = _deployed_template(clients, stack.name)
    if deployed == json.loads(body):
        return
    change = (
        clients.cloudformation.update_stack if deployed else clients.cloudformation.create_stack
    )
    try:
        change(StackName=stack.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    except ClientError as exc:
        message = exc.response["Error"].get("Message", "")
        if "No updates are to be performed" in message:
            return
        raise DeploymentFailed(f"{stack.name}: {message}") from exc
    _wait(clients, stack.name)


def _deployed_template(clients: RootClients, name: str) -> object:
    try:
        template: object = clients.cloudformation.get_template(StackName=name)["TemplateBody"]
    except ClientError:
        return None
    return json.loads(template) if isinstance(template, str) else template


def _wait(clients: RootClients, name: str) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < deadline:
        status = clients.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if status in _GOOD:
            return
        if not status.endswith("IN_PROGRESS"):
            raise DeploymentFailed(f"{name}: {status}: {_reasons(clients, name)}")
        time.sleep(0.05)
    raise DeploymentFailed(f"{name}: not deployed within {_DEADLINE_SECONDS:.0f} s")


def _reasons(clients: RootClients, name: str) -> str:
    events = clients.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return "; ".join(
        f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    )


def _resources(clients: RootClients, stack: Stack) -> list[Resource]:
    found = clients.cloudformation.describe_stack_resources(StackName=stack.name)
    return [
        Resource(stack, item["LogicalResourceId"], item["PhysicalResourceId"], item["ResourceType"])
        for item in found["StackResources"]
    ]
