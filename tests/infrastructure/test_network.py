"""The edge's network by itself: its VPN, its flow logs, its zones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from infra.components.network import EdgeNetwork
from infra.options import read_options

ROUTERS = "203.0.113.5,203.0.113.6"
LEARNED = {"vpn_gateways": ROUTERS, "vpn_bgp_asn": "65010"}
GIVEN = {"vpn_gateways": ROUTERS, "vpn_static_routes": "10.9.0.0/16,192.168.7.0/24"}


def resources(given: Mapping[str, str]) -> Mapping[str, list[dict[str, Any]]]:
    """Return the properties of a network's resources, by their type."""
    app = App(context=dict(given))
    stack = Stack(app, "Edge")
    EdgeNetwork(stack, "Network", options=read_options(app.node), key=kms.Key(stack, "Key"))
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in Template.from_stack(stack).to_json()["Resources"].values():
        found.setdefault(resource["Type"], []).append(resource.get("Properties", {}))
    return found


@pytest.fixture(scope="module")
def given() -> Mapping[str, list[dict[str, Any]]]:
    return resources(GIVEN)


def test_each_router_has_a_connection_of_its_own(
    given: Mapping[str, list[dict[str, Any]]],
) -> None:
    gateways = given["AWS::EC2::CustomerGateway"]
    assert {gateway["IpAddress"] for gateway in gateways} == set(ROUTERS.split(","))
    connections = given["AWS::EC2::VPNConnection"]
    assert [connection["StaticRoutesOnly"] for connection in connections] == [True, True]


def test_given_routes_lead_to_every_router(given: Mapping[str, list[dict[str, Any]]]) -> None:
    routes = [route["DestinationCidrBlock"] for route in given["AWS::EC2::VPNConnectionRoute"]]
    assert sorted(routes) == ["10.9.0.0/16"] * 2 + ["192.168.7.0/24"] * 2


def test_routes_reach_the_subnets_of_two_zones(given: Mapping[str, list[dict[str, Any]]]) -> None:
    (propagation,) = given["AWS::EC2::VPNGatewayRoutePropagation"]
    assert len(propagation["RouteTableIds"]) == 2
    zones = [str(subnet["AvailabilityZone"]) for subnet in given["AWS::EC2::Subnet"]]
    assert len(zones) == len(set(zones)) == 2


def test_learned_routes_are_asked_of_the_hospitals_number() -> None:
    found = resources(LEARNED)
    assert {gateway["BgpAsn"] for gateway in found["AWS::EC2::CustomerGateway"]} == {65010}
    assert not any(one.get("StaticRoutesOnly") for one in found["AWS::EC2::VPNConnection"])
    assert "AWS::EC2::VPNConnectionRoute" not in found


def test_all_connections_are_noted(given: Mapping[str, list[dict[str, Any]]]) -> None:
    (flow,) = given["AWS::EC2::FlowLog"]
    assert (flow["TrafficType"], flow["ResourceType"]) == ("ALL", "VPC")
    (group,) = given["AWS::Logs::LogGroup"]
    assert group["KmsKeyId"]
    assert group["RetentionInDays"] == 365
