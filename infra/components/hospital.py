"""The way from the edge's VPC to the hospital: VPN tunnels, or a Transit Gateway."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.connections import TransitGateway, Vpn

_SUBNETS = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
_ANY_ASN = 65000
"""A customer gateway carries a number even where routes are given; nobody speaks it then."""


def connect_vpn(vpc: ec2.Vpc, vpn: Vpn) -> None:
    """Add tunnels to each customer gateway; routes to the hospital come with them."""
    vpc.enable_vpn_gateway(type="ipsec.1", vpn_route_propagation=[_SUBNETS])
    for number, address in enumerate(vpn.gateways):
        vpc.add_vpn_connection(
            f"Hospital{number}",
            ip=address,
            asn=vpn.bgp_asn or _ANY_ASN,
            static_routes=list(vpn.static_routes) or None,
        )


def attach(scope: Construct, vpc: ec2.Vpc, gateway: TransitGateway) -> None:
    """Attach the VPC to a Transit Gateway and lead the hospital's ranges to it."""
    attachment = ec2.CfnTransitGatewayAttachment(
        scope,
        "Attachment",
        transit_gateway_id=gateway.gateway_id,
        vpc_id=vpc.vpc_id,
        subnet_ids=[subnet.subnet_id for subnet in vpc.isolated_subnets],
    )
    for place, subnet in enumerate(vpc.isolated_subnets):
        for number, cidr in enumerate(gateway.routes):
            route = ec2.CfnRoute(
                scope,
                f"Route{place}x{number}",
                route_table_id=subnet.route_table.route_table_id,
                destination_cidr_block=cidr,
                transit_gateway_id=gateway.gateway_id,
            )
            route.add_resource_dependency(attachment)
