"""The network of the edge: no way to the internet, endpoints to the services it needs."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.components.acknowledge import REGULATIONS, acknowledge
from infra.components.function import acknowledge_inline, create_log_group
from infra.components.hospital import attach, connect_vpn
from infra.connections import Network
from infra.options import Options

_SERVICES = {
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
}
_GATEWAYS = {
    "S3": ec2.GatewayVpcEndpointAwsService.S3,
    "DynamoDb": ec2.GatewayVpcEndpointAwsService.DYNAMODB,
}
SUBNETS = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


class EdgeNetwork(Construct):
    """A new VPC of isolated subnets, or an existing one, with endpoints for `service`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, options: Options, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        network = options.network
        self.vpc = _existing(self, network) or self._create_vpc(network, key, options)
        self.service = ec2.SecurityGroup(
            self, "Service", vpc=self.vpc, description="Nephele: tasks that speak DICOM"
        )
        if network.has_endpoints:
            self._add_endpoints()

    def _create_vpc(self, network: Network, key: kms.IKey, options: Options) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            max_azs=2,
            nat_gateways=0,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Dicom",
                    subnet_type=ec2.SubnetType.PRIVATE_ISOLATED,
                    cidr_mask=_mask(network.cidr),
                )
            ],
        )
        acknowledge(
            vpc,
            {
                "VPCDefaultSecurityGroupClosed": (
                    "Nothing is in the default group, which lets its own members talk to each other"
                    " only; closing it takes a custom resource with rights over all groups."
                )
            },
            REGULATIONS,
        )
        logs = create_log_group(self, "FlowLogs", key, options.functions.log_days)
        flow = vpc.add_flow_log(
            "Flow", destination=ec2.FlowLogDestination.to_cloud_watch_logs(logs)
        )
        acknowledge_inline(flow)
        if network.vpn:
            connect_vpn(vpc, network.vpn)
        if network.transit_gateway:
            attach(self, vpc, network.transit_gateway)
        return vpc

    def _add_endpoints(self) -> None:
        for name, gateway in _GATEWAYS.items():
            ec2.GatewayVpcEndpoint(self, name, vpc=self.vpc, service=gateway, subnets=[SUBNETS])
        endpoints = ec2.SecurityGroup(
            self,
            "Endpoints",
            vpc=self.vpc,
            description="Nephele: endpoints of AWS services",
            allow_all_outbound=False,
        )
        endpoints.add_ingress_rule(self.service, ec2.Port.tcp(443), "From the edge's tasks")
        for name, service in _SERVICES.items():
            ec2.InterfaceVpcEndpoint(
                self,
                name,
                vpc=self.vpc,
                service=service,
                subnets=SUBNETS,
                security_groups=[endpoints],
                open=False,
            )


def _mask(cidr: str) -> int:
    """Return the size of a subnet: a /24, or a quarter of a small VPC."""
    return max(24, int(cidr.partition("/")[2]) + 2)


def _existing(scope: Construct, network: Network) -> ec2.IVpc | None:
    given = network.existing
    if given is None:
        return None
    return ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=given.vpc_id,
        vpc_cidr_block=given.cidr,
        availability_zones=list(given.availability_zones),
        isolated_subnet_ids=list(given.subnet_ids),
        isolated_subnet_route_table_ids=list(given.route_table_ids),
    )
