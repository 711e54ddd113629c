"""Dollars for what a local run has counted, and for what stands there idle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.functions import FUNCTIONS

PRICES = Path(__file__).with_name("prices.json")
GOAL_DOLLARS_PER_MILLION = 15.0
HOURS_PER_MONTH = 730
_MILLION = 1_000_000
_S3_READS = frozenset({"GetObject", "HeadObject"})
_S3_FREE = frozenset({"DeleteObject", "DeleteObjects", "AbortMultipartUpload"})
_STORED = ("PutObject", "CompleteMultipartUpload")
_RECEIVERS = ("edge", "api")
_MEMORY_MB = {spec.name: spec.memory_mb for spec in FUNCTIONS}


@dataclass(frozen=True, slots=True)
class Line:
    """What something costs: how often it was, and dollars for all of it."""

    name: str
    count: float
    dollars: float


@dataclass(frozen=True, slots=True)
class Prices:
    """The table of prices."""

    table: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path = PRICES) -> Prices:
        """Read a table."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    @property
    def title(self) -> str:
        """Return of when and where they are."""
        return f"{self.table['region']}, {self.table['date']}, {self.table['note']}"

    def call(self, kind: str) -> float:
        """Return the price of one call."""
        return float(self.table["calls_per_million"][kind]) / _MILLION

    def unit(self, kind: str) -> float:
        """Return the price of one unit of DynamoDB."""
        return float(self.table["units_per_million"][kind]) / _MILLION

    def month(self, kind: str) -> float:
        """Return the price of something for a month."""
        return float(self.table["month"][kind])

    def hours(self, kind: str, count: float = 1.0) -> float:
        """Return the price of something that runs the whole month."""
        return float(self.table["hour"][kind]) * HOURS_PER_MONTH * count


def stored_instances(figures: Mapping[str, Any]) -> int:
    """Return how many objects were received: what the edge and the API have written."""
    return sum(
        figures["aws"].get(caller, {}).get("calls", {}).get(f"s3.{action}", 0)
        for caller in _RECEIVERS
        for action in _STORED
    )


def iter_lines(figures: Mapping[str, Any], prices: Prices) -> Iterator[Line]:
    """Yield what the counted calls of a run cost; failed calls are paid for as well."""
    calls: dict[str, int] = {}
    reads = writes = 0.0
    for counted in figures["aws"].values():
        reads += counted["read_units"]
        writes += counted["write_units"]
        for name, count in counted["calls"].items():
            kind = _kind_of(name)
            if kind:
                calls[kind] = calls.get(kind, 0) + count
    for kind, count in sorted(calls.items()):
        yield Line(f"{kind} calls", count, count * prices.call(kind))
    yield Line("dynamodb.write units", writes, writes * prices.unit("dynamodb.write"))
    yield Line("dynamodb.read units", reads, reads * prices.unit("dynamodb.read"))
    yield from _iter_function_lines(figures["functions"], prices)


def _iter_function_lines(functions: Mapping[str, Any], prices: Prices) -> Iterator[Line]:
    count = sum(found["invocations"] for found in functions.values())
    yield Line("lambda calls", count, count * prices.call("lambda"))
    rest = functions.get("api", {}).get("invocations", 0)
    per_rest_call = sum(prices.call(kind) for kind in ("rest_api", "firewall", "cloudfront"))
    yield Line("REST calls (API Gateway, firewall, CloudFront)", rest, rest * per_rest_call)
    gb_seconds = sum(
        found["duration_ms"].get("sum", 0) / 1000 * _MEMORY_MB.get(name, 1024) / 1024
        for name, found in functions.items()
    )
    price = float(prices.table["lambda_gb_second"])
    yield Line("lambda GB-seconds (this machine's)", gb_seconds, gb_seconds * price)


def _kind_of(name: str) -> str:
    """Return the price's name of an operation; "" for what is counted in units."""
    service, _, action = name.partition(".")
    if service == "s3":
        read, free = action in _S3_READS, action in _S3_FREE
        return "s3.read" if read else "s3.free" if free else "s3.write"
    return service if service in ("sqs", "kms", "secretsmanager") else ""


def idle_lines(assembly: Path, prices: Prices) -> list[Line]:
    """Return what a deployment costs a month while nobody uses it, from its templates."""
    resources = [
        resource
        for path in assembly.glob("*.template.json")
        for resource in json.loads(path.read_text(encoding="utf-8"))["Resources"].values()
    ]

    def found(resource_type: str) -> list[Mapping[str, Any]]:
        return [item.get("Properties", {}) for item in resources if item["Type"] == resource_type]

    endpoints = [
        len(item["SubnetIds"])
        for item in found("AWS::EC2::VPCEndpoint")
        if item.get("VpcEndpointType") == "Interface"
    ]
    balancers = len(found("AWS::ElasticLoadBalancingV2::LoadBalancer"))
    rules = [len(item["Rules"]) for item in found("AWS::WAFv2::WebACL")]
    tasks = sum(item["DesiredCount"] for item in found("AWS::ECS::Service"))
    counted = [
        Line(
            "edge: tasks (edge=false)",
            tasks,
            _tasks(found("AWS::ECS::TaskDefinition"), prices) * tasks,
        ),
        Line(
            "edge: load balancer (edge=false)",
            balancers,
            prices.hours("network_load_balancer", balancers),
        ),
        Line(
            "edge: interface endpoints by zone (vpc_endpoints=false, where the VPC has them)",
            sum(endpoints),
            prices.hours("interface_endpoint_per_zone", sum(endpoints)),
        ),
        Line(
            "VPN connections",
            n := len(found("AWS::EC2::VPNConnection")),
            prices.hours("vpn_connection", n),
        ),
        Line(
            "Transit Gateway attachments",
            n := len(found("AWS::EC2::TransitGatewayAttachment")),
            prices.hours("transit_gateway_attachment", n),
        ),
        Line(
            "api: environments that are always warm (api_start=snapstart)",
            n := sum(map(_provisioned, found("AWS::Lambda::Alias"))),
            prices.hours("provisioned_gb", n * _MEMORY_MB["api"] / 1024),
        ),
        Line(
            "firewall",
            len(rules),
            prices.month("web_acl") * len(rules) + prices.month("web_acl_rule") * sum(rules),
        ),
    ]
    for name, resource_type, price in (
        ("keys", "AWS::KMS::Key", "key"),
        ("secrets", "AWS::SecretsManager::Secret", "secret"),
        ("alarms", "AWS::CloudWatch::Alarm", "alarm"),
        ("dashboards", "AWS::CloudWatch::Dashboard", "dashboard"),
    ):
        count = len(found(resource_type))
        counted.append(Line(name, count, prices.month(price) * count))
    return [line for line in counted if line.count]


def _provisioned(alias: Mapping[str, Any]) -> int:
    found = alias.get("ProvisionedConcurrencyConfig", {})
    return int(found.get("ProvisionedConcurrentExecutions", 0))


def _tasks(definitions: list[Mapping[str, Any]], prices: Prices) -> float:
    """Return what one task costs a month."""
    return sum(
        prices.hours("fargate_vcpu", int(item["Cpu"]) / 1024)
        + prices.hours("fargate_gb", int(item["Memory"]) / 1024)
        for item in definitions
    )
