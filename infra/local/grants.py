"""Grants of the templates' roles, and which of them no counted call has used."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.functions import FUNCTIONS

_DESCRIPTIONS = {spec.description: spec.name for spec in FUNCTIONS}
_NOT_EXERCISED_HERE = {
    "kms": "AWS calls it on behalf of others, and nothing is encrypted here",
    "xray": "Lambda writes the traces",
    "logs": "Lambda writes the logs",
    "ecs": "there is no agent of ECS here",
}
_OF_POLLERS = frozenset(
    {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
    }
)
"""Lambda's pollers use them in the function's name; here they pass by the proxy, uncounted."""


def grants_of(assembly: Path) -> dict[str, set[str]]:
    """Return the actions that each function and the edge may call, of those that can be counted."""
    found: dict[str, set[str]] = {}
    for path in sorted(assembly.glob("*.template.json")):
        resources = json.loads(path.read_text(encoding="utf-8"))["Resources"]
        owners = dict(_iter_owners(resources))
        for policy in resources.values():
            if policy["Type"] == "AWS::IAM::Policy":
                roles = [role.get("Ref") for role in policy["Properties"]["Roles"]]
                for owner in {owners[role] for role in roles if role in owners}:
                    found.setdefault(owner, set()).update(_actions(policy))
    return found


def unused(granted: Mapping[str, set[str]], used: Mapping[str, Collection[str]]) -> list[str]:
    """Return grants that no call has used, of callers that have called at all: `caller action`."""
    return [
        f"{caller} {action}"
        for caller, actions in sorted(granted.items())
        if caller in used
        for action in sorted(actions - set(used[caller]))
        if caller == "edge" or action not in _OF_POLLERS
    ]


def _iter_owners(resources: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield roles with the name their calls are counted under."""
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function":
            name = _DESCRIPTIONS.get(properties.get("Description", ""))
            if name is not None:
                yield properties["Role"]["Fn::GetAtt"][0], name
        elif resource["Type"] == "AWS::ECS::TaskDefinition":
            yield properties["TaskRoleArn"]["Fn::GetAtt"][0], "edge"


def _actions(policy: Mapping[str, Any]) -> Iterator[str]:
    for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
        actions = statement["Action"]
        for action in actions if isinstance(actions, list) else [actions]:
            if action.partition(":")[0] not in _NOT_EXERCISED_HERE:
                yield action
