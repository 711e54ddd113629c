"""What was deployed, read back through the AWS APIs: functions, mappings, rules, routes, tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.functions import FUNCTIONS
from infra.local.aws.clients import RootClients
from infra.local.deployment import Resource
from infra.local.errors import DeploymentFailed
from nephele.settings.environment import PREFIX

_NAMES = {spec.description: spec.name for spec in FUNCTIONS}
_PARTIAL = "ReportBatchItemFailures"
_FUNCTION_ARN = re.compile(r"arn:aws:lambda:[^:]+:\d+:function:([^:/]+)")


@dataclass(frozen=True, slots=True)
class DeployedFunction:
    """A function as Lambda describes it, and where its code is."""

    name: str
    physical_name: str
    arn: str
    handler: str
    role: str
    timeout_seconds: int
    memory_mb: int
    reserved_concurrency: int | None
    environment: Mapping[str, str]
    log_group: str
    code: Path


@dataclass(frozen=True, slots=True)
class EventMapping:
    """An event-source mapping."""

    function: DeployedFunction
    source_arn: str
    batch_size: int
    window_seconds: int
    maximum_concurrency: int
    reports_item_failures: bool
    patterns: tuple[Mapping[str, Any], ...]
    bisects: bool
    maximum_retries: int
    failure_destination: str

    @property
    def is_queue(self) -> bool:
        """Tell a queue from a table's stream."""
        return self.source_arn.split(":")[2] == "sqs"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rule of EventBridge that calls a function at a rate."""

    rule_arn: str
    expression: str
    function: DeployedFunction


@dataclass(frozen=True, slots=True)
class Task:
    """The edge's task definition."""

    role: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that runs here instead of in AWS."""

    functions: Mapping[str, DeployedFunction]
    mappings: Sequence[EventMapping]
    schedules: Sequence[Schedule]
    task: Task | None
    bucket: str
    table: str
    users_secret: str
    peers_secret: str
    rest_api: str


def read_inventory(clients: RootClients, resources: Sequence[Resource]) -> Inventory:
    """Read back what was deployed."""
    functions = {
        item.physical_id: _read_function(clients, item)
        for item in resources
        if item.resource_type == "AWS::Lambda::Function"
    }
    return Inventory(
        functions={function.name: function for function in functions.values()},
        mappings=_read_mappings(clients, functions),
        schedules=_read_schedules(clients, functions),
        task=_read_task(clients, resources),
        bucket=_variable(functions, f"{PREFIX}BUCKET"),
        table=_variable(functions, f"{PREFIX}TABLE"),
        users_secret=_variable(functions, f"{PREFIX}USERS_SECRET"),
        peers_secret=_variable(functions, f"{PREFIX}PEERS_SECRET"),
        rest_api=_only(resources, "AWS::ApiGateway::RestApi"),
    )


def function_of_arn(functions: Mapping[str, DeployedFunction], text: str) -> DeployedFunction:
    """Return the function a text names by its ARN, versions and aliases left aside."""
    match = _FUNCTION_ARN.search(text)
    if match is None or match[1] not in functions:
        raise DeploymentFailed(f"no function of ours: {text}")
    return functions[match[1]]


def _read_function(clients: RootClients, resource: Resource) -> DeployedFunction:
    name = resource.physical_id
    found = clients.functions.get_function_configuration(FunctionName=name)
    concurrency = clients.functions.get_function_concurrency(FunctionName=name)
    return DeployedFunction(
        name=_NAMES.get(found.get("Description", ""), resource.logical_id),
        physical_name=name,
        arn=found["FunctionArn"],
        handler=found["Handler"],
        role=found["Role"],
        timeout_seconds=found["Timeout"],
        memory_mb=found["MemorySize"],
        reserved_concurrency=concurrency.get("ReservedConcurrentExecutions"),
        environment=dict(found.get("Environment", {}).get("Variables", {})),
        log_group=found.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}"),
        code=resource.stack.code_folder(resource.logical_id),
    )


def _read_mappings(
    clients: RootClients, functions: Mapping[str, DeployedFunction]
) -> list[EventMapping]:
    pages = clients.functions.get_paginator("list_event_source_mappings").paginate()
    found: list[Any] = [item for page in pages for item in page["EventSourceMappings"]]
    return [
        EventMapping(
            function=function_of_arn(functions, item["FunctionArn"]),
            source_arn=item["EventSourceArn"],
            batch_size=item["BatchSize"],
            window_seconds=item.get("MaximumBatchingWindowInSeconds", 0),
            maximum_concurrency=item.get("ScalingConfig", {}).get("MaximumConcurrency", 5),
            reports_item_failures="ReportBatchItemFailures"
            in item.get("FunctionResponseTypes", ()),
            patterns=tuple(
                json.loads(entry["Pattern"])
                for entry in item.get("FilterCriteria", {}).get("Filters", ())
            ),
            bisects=bool(item.get("BisectBatchOnFunctionError", False)),
            maximum_retries=item.get("MaximumRetryAttempts", -1),
            failure_destination=item.get("DestinationConfig", {})
            .get("OnFailure", {})
            .get("Destination", ""),
        )
        for item in found
    ]


def _read_schedules(
    clients: RootClients, functions: Mapping[str, DeployedFunction]
) -> list[Schedule]:
    schedules = []
    for rule in clients.events.list_rules()["Rules"]:
        expression = rule.get("ScheduleExpression", "")
        for target in clients.events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            if expression:
                function = function_of_arn(functions, target["Arn"])
                schedules.append(Schedule(rule["Arn"], expression, function))
    return schedules


def _read_task(clients: RootClients, resources: Sequence[Resource]) -> Task | None:
    found = [item for item in resources if item.resource_type == "AWS::ECS::TaskDefinition"]
    if not found:
        return None
    described = clients.tasks.describe_task_definition(taskDefinition=found[-1].physical_id)
    definition = described["taskDefinition"]
    variables = definition["containerDefinitions"][0].get("environment", [])
    return Task(
        role=definition["taskRoleArn"],
        environment={item["name"]: item["value"] for item in variables},
    )


def _variable(functions: Mapping[str, DeployedFunction], name: str) -> str:
    values = {item.environment[name] for item in functions.values() if name in item.environment}
    if len(values) != 1:
        raise DeploymentFailed(f"{name} has {len(values)} values")
    return values.pop()


def _only(resources: Sequence[Resource], resource_type: str) -> str:
    found = [item.physical_id for item in resources if item.resource_type == resource_type]
    if len(found) != 1:
        raise DeploymentFailed(f"{len(found)} resources of type {resource_type}")
    return found[0]
