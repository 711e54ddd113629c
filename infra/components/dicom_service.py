"""Tasks that speak DICOM behind a network load balancer that keeps the clients' addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aws_cdk import Duration, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.acknowledge import acknowledge
from infra.components.bundle import ROOT, build_image_context
from infra.components.network import SUBNETS

SPOOL = "/var/spool/nephele"
_FIRST_UNPRIVILEGED_PORT = 1024
_CPU_UNITS = 1024
_MEMORY_MIB = 2048
_TASKS = 2


def create_task(
    scope: Construct, *, environment: Mapping[str, str], port: int, log_group: logs.ILogGroup
) -> ecs.FargateTaskDefinition:
    """Create the task: an unprivileged user, no capabilities, nothing writable but its spool."""
    task = ecs.FargateTaskDefinition(
        scope,
        "Task",
        cpu=_CPU_UNITS,
        memory_limit_mib=_MEMORY_MIB,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=ecs.CpuArchitecture.X86_64,
            operating_system_family=ecs.OperatingSystemFamily.LINUX,
        ),
        volumes=[ecs.Volume(name="spool")],
    )
    container = task.add_container(
        "Edge",
        image=ecs.ContainerImage.from_docker_image_asset(_create_image(scope)),
        environment=dict(environment),
        logging=ecs.LogDriver.aws_logs(stream_prefix="edge", log_group=log_group),
        linux_parameters=_linux_parameters(scope),
        readonly_root_filesystem=True,
        stop_timeout=Duration.seconds(120),
        port_mappings=[ecs.PortMapping(container_port=port)],
        system_controls=_system_controls(port),
    )
    container.add_mount_points(
        ecs.MountPoint(container_path=SPOOL, source_volume="spool", read_only=False)
    )
    acknowledge(
        task, {"ECS2": "The variables are names and Orthanc's options; none of them is a secret."}
    )
    acknowledge(
        task.obtain_execution_role(),
        {"IAM5[Resource::*]": "ecr:GetAuthorizationToken knows no narrower resource."},
    )
    return task


class DicomService(Construct):
    """A service of two tasks and the listeners that lead to them.

    Parameters
    ----------
    port : int
        Port the tasks listen on.
    listener_ports : iterable of int
        Ports of the load balancer; all lead to `port`.
    clients : iterable of str
        Address ranges that may connect.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        task: ecs.FargateTaskDefinition,
        port: int,
        listener_ports: Iterable[int],
        clients: Iterable[str],
        is_enabled: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        cluster = ecs.Cluster(
            self, "Cluster", vpc=vpc, container_insights_v2=ecs.ContainerInsights.ENABLED
        )
        self.service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            desired_count=_TASKS if is_enabled else 0,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            assign_public_ip=False,
            vpc_subnets=SUBNETS,
            security_groups=[security_group],
        )
        front = self._create_front(vpc, clients, listener_ports)
        security_group.connections.allow_from(front, ec2.Port.tcp(port), "From the load balancer")
        self.balancer = self._create_balancer(vpc, front)
        targets = self._create_targets(vpc, port)
        for listener_port in listener_ports:
            self.balancer.add_listener(
                f"Port{listener_port}", port=listener_port, default_target_groups=[targets]
            )

    def _create_front(
        self, vpc: ec2.IVpc, clients: Iterable[str], ports: Iterable[int]
    ) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            "Front",
            vpc=vpc,
            description="Nephele: who may speak DICOM",
            allow_all_outbound=False,
        )
        if any(Token.is_unresolved(client) for client in clients):
            acknowledge(group, {"EC23": "The only range is the VPC's own, known at deployment."})
        for client in clients:
            for port in ports:
                group.add_ingress_rule(ec2.Peer.ipv4(client), ec2.Port.tcp(port), "DICOM")
        return group

    def _create_balancer(
        self, vpc: ec2.IVpc, front: ec2.ISecurityGroup
    ) -> elbv2.NetworkLoadBalancer:
        balancer = elbv2.NetworkLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            vpc_subnets=SUBNETS,
            internet_facing=False,
            cross_zone_enabled=True,
            deletion_protection=True,
            security_groups=[front],
        )
        acknowledge(
            balancer,
            {"ELB2": "It logs TLS listeners only and has none; the VPC's flow logs have them all."},
        )
        return balancer

    def _create_targets(self, vpc: ec2.IVpc, port: int) -> elbv2.NetworkTargetGroup:
        return elbv2.NetworkTargetGroup(
            self,
            "Targets",
            vpc=vpc,
            port=port,
            protocol=elbv2.Protocol.TCP,
            target_type=elbv2.TargetType.IP,
            preserve_client_ip=True,
            deregistration_delay=Duration.seconds(120),
            health_check=elbv2.HealthCheck(
                protocol=elbv2.Protocol.TCP, interval=Duration.seconds(10)
            ),
            targets=[self.service],
        )


def _create_image(scope: Construct) -> ecr_assets.DockerImageAsset:
    """Describe the image; it is built when it is deployed, not when the app is synthesized."""
    edge = ROOT / "dimse_edge"
    packages = [edge, ROOT / "lambdas" / "shared" / "nephele"]
    context = build_image_context(edge / "Dockerfile", packages, "edge")
    return ecr_assets.DockerImageAsset(
        scope, "Image", directory=str(context), platform=ecr_assets.Platform.LINUX_AMD64
    )


def _linux_parameters(scope: Construct) -> ecs.LinuxParameters:
    parameters = ecs.LinuxParameters(scope, "Linux", init_process_enabled=True)
    parameters.drop_capabilities(ecs.Capability.ALL)
    return parameters


def _system_controls(port: int) -> list[ecs.SystemControl] | None:
    """Let the unprivileged user listen on a low `DicomPort`."""
    if port >= _FIRST_UNPRIVILEGED_PORT:
        return None
    return [ecs.SystemControl(namespace="net.ipv4.ip_unprivileged_port_start", value=str(port))]
