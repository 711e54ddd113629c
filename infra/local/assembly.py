"""The synthesized assembly: its stacks in order, and the local copy of each template."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from infra.local import policies

Template = dict[str, Any]
_PLACEHOLDER = "# {}\ndef handler(event, context):\n    raise NotImplementedError\n"
_EDGE = "AWS::ECS::TaskDefinition"
_RUNNING = frozenset({"AWS::DynamoDB::Table", "AWS::Lambda::Function", _EDGE})
_NOT_HERE = (
    "AWS::ApplicationAutoScaling::",
    "AWS::Backup::",
    "AWS::Budgets::",
    "AWS::CloudFront::",
    "AWS::CloudWatch::",
    "AWS::SNS::",
    "AWS::WAFv2::",
)
"""What watches, guards and copies: nothing that runs here asks for it."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack of the assembly."""

    name: str
    folder: Path
    template: Template

    @property
    def runs_here(self) -> bool:
        """Tell whether anything in it is emulated, or works on what is."""
        kinds = {item["Type"] for item in self.template["Resources"].values()}
        return not kinds.isdisjoint(_RUNNING)

    def code_folder(self, logical_id: str) -> Path:
        """Return the folder of a function's code."""
        resource = self.template["Resources"][logical_id]
        return self.folder / str(resource["Metadata"]["aws:asset:path"])

    def local_template(self) -> Template:
        """Return the template as ministack gets it.

        Pollers, schedules and code are ours, so mappings and rules are disabled and functions are
        empty. Of a stack with tasks only what the task definition needs is kept: network, load
        balancer and service are not emulated.
        """
        local = copy.deepcopy(self.template)
        local.pop("Rules", None)
        if any(item["Type"] == _EDGE for item in local["Resources"].values()):
            local.pop("Outputs", None)
            local["Resources"] = _keep_tasks(local["Resources"])
        _leave_out(local)
        secrets = _ids(local, "AWS::SecretsManager::Secret")
        for resource in local["Resources"].values():
            metadata = resource.pop("Metadata", {})
            properties = resource.setdefault("Properties", {})
            if resource["Type"] == "AWS::Lambda::Function":
                _empty_function(properties, metadata["aws:asset:path"])
            _ADAPTERS.get(resource["Type"], _leave)(properties)
        return dict(_with_secret_arns(local, secrets))


def read_assembly(folder: Path) -> list[Stack]:
    """Read the stacks of an assembly, those first that others depend on.

    A stack without a function, a table or a task has nothing that runs here.
    """
    artifacts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    stacks = {
        key: artifact
        for key, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    order = TopologicalSorter(
        {
            key: [other for other in artifact.get("dependencies", ()) if other in stacks]
            for key, artifact in stacks.items()
        }
    )
    found = (_read_stack(folder, key, stacks[key]) for key in order.static_order())
    return [stack for stack in found if stack.runs_here]


def _read_stack(folder: Path, key: str, artifact: dict[str, Any]) -> Stack:
    properties = artifact["properties"]
    template = json.loads((folder / properties["templateFile"]).read_text(encoding="utf-8"))
    return Stack(properties.get("stackName", key), folder, template)


def _leave_out(template: Template) -> None:
    """Remove what is not emulated, and the outputs that tell of it."""
    resources = template["Resources"]
    gone = {key for key, item in resources.items() if item["Type"].startswith(_NOT_HERE)}
    template["Resources"] = {key: item for key, item in resources.items() if key not in gone}
    template["Outputs"] = {
        key: item
        for key, item in template.get("Outputs", {}).items()
        if not gone.intersection(_references(item))
    }


def _leave(_properties: dict[str, Any]) -> None:
    """Change nothing."""


def _empty_function(properties: dict[str, Any], asset: str) -> None:
    """Leave a placeholder that changes with the code, so that a version is made for each."""
    properties["Code"] = {"ZipFile": _PLACEHOLDER.format(asset)}
    properties.pop("SnapStart", None)


def _disable_mapping(properties: dict[str, Any]) -> None:
    properties["Enabled"] = False


def _say_no_identity(properties: dict[str, Any]) -> None:
    """Say in words that an authorizer has no identity source; ministack would invent one."""
    properties.setdefault("IdentitySource", "")


def _disable_rule(properties: dict[str, Any]) -> None:
    properties["State"] = "DISABLED"


_ADAPTERS = {
    "AWS::ApiGateway::Authorizer": _say_no_identity,
    "AWS::Lambda::EventSourceMapping": _disable_mapping,
    "AWS::Events::Rule": _disable_rule,
    "AWS::IAM::Policy": policies.adapt,
}


def _ids(template: Template, resource_type: str) -> frozenset[str]:
    resources = template["Resources"].items()
    return frozenset(key for key, item in resources if item["Type"] == resource_type)


def _with_secret_arns(node: Any, secrets: frozenset[str]) -> Any:
    """Say `GetAtt Id` for `Ref` of a secret: both are its ARN, but ministack's `Ref` is a name."""
    if isinstance(node, list):
        return [_with_secret_arns(item, secrets) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1 and node.get("Ref") in secrets:
        return {"Fn::GetAtt": [node["Ref"], "Id"]}
    return {key: _with_secret_arns(value, secrets) for key, value in node.items()}


def _keep_tasks(resources: dict[str, Any]) -> dict[str, Any]:
    """Keep task definitions, all they refer to, and the policies of their roles."""
    kept = {key for key, item in resources.items() if item["Type"] == _EDGE}
    size = 0
    while size != len(kept):
        size = len(kept)
        kept |= {name for key in kept for name in _references(resources[key])} & resources.keys()
        kept |= {
            key
            for key, item in resources.items()
            if item["Type"] == "AWS::IAM::Policy"
            and kept.intersection(_references(item["Properties"]["Roles"]))
        }
    remaining = {key: item for key, item in resources.items() if key in kept}
    for item in remaining.values():
        item.pop("DependsOn", None)
    return remaining


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield str(value)
            elif key == "Fn::GetAtt":
                yield str(value[0])
            else:
                yield from _references(value)
