"""Tasks that speak DICOM behind a network load balancer that keeps the clients' addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import Aws, Duration, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from infra.components.acknowledge import REGULATIONS, acknowledge
from infra.components.dicom_task import CONTAINER, SIDE_PORT
from infra.components.function import grant
from infra.components.network import SUBNETS
from infra.options import EdgeSize
from nephele.services.cloudwatch_metrics import ARCHIVE, ASSOCIATIONS, NAMESPACE

_HEALTHY_AT = elbv2.HealthCheck(
    protocol=elbv2.Protocol.HTTP,
    port=str(SIDE_PORT),
    path="/",
    interval=Duration.seconds(10),
)
_HTTPS_HEALTHY_AT = elbv2.HealthCheck(
    protocol=elbv2.Protocol.TCP,
    interval=Duration.seconds(10),
    unhealthy_threshold_count=6,
)
"""ECS replaces a task that is not healthy, associations and all: a start anew takes less."""
_BUSY_PERCENT = 60
_BUSY_ASSOCIATIONS = 40
"""What one task serves before another is started."""
_IDLE_SECONDS = 6000
"""The longest AWS has: modalities keep associations open while they scan."""
_PROTECT = ("ecs:GetTaskProtection", "ecs:UpdateTaskProtection")
_TASK_NAMES = "Tasks have no names before they run; those of this one cluster are meant."


class DicomService(Construct):
    """A service of two tasks and the listeners that lead to them.

    Parameters
    ----------
    port : int
        Port the tasks listen on.
    listener_ports : sequence of int
        Ports of the load balancer; all lead to `port`.
    https_port : int or None
        Port of HTTPS, of the tasks and of the load balancer.
    clients : iterable of str
        Address ranges that may connect.
    table_name : str
        The archive's, by which the edge's metrics are known.
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
        listener_ports: Sequence[int],
        https_port: int | None,
        clients: Iterable[str],
        is_enabled: bool,
        size: EdgeSize,
        table_name: str,
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
            desired_count=size.tasks if is_enabled else 0,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            assign_public_ip=False,
            vpc_subnets=SUBNETS,
            security_groups=[security_group],
        )
        _let_protect(task, cluster)
        if is_enabled:
            self._scale(size, table_name)
        targets = [port] if https_port is None else [port, https_port]
        front = self._create_front(vpc, clients, [*listener_ports, *targets[1:]])
        for inner in targets:
            security_group.connections.allow_from(
                front, ec2.Port.tcp(inner), "From the load balancer"
            )
        security_group.connections.allow_from(front, ec2.Port.tcp(SIDE_PORT), "Its health checks")
        self.balancer = self._create_balancer(vpc, front)
        self.targets = self._create_targets(vpc, "Targets", port, _HEALTHY_AT)
        self.https_targets: elbv2.NetworkTargetGroup | None = None
        if https_port is not None:
            self.https_targets = self._create_targets(
                vpc, "HttpsTargets", https_port, _HTTPS_HEALTHY_AT
            )
            self.balancer.add_listener(
                "Https",
                port=https_port,
                default_target_groups=[self.https_targets],
                tcp_idle_timeout=Duration.seconds(_IDLE_SECONDS),
            )
        for listener_port in listener_ports:
            self.balancer.add_listener(
                f"Port{listener_port}",
                port=listener_port,
                default_target_groups=[self.targets],
                tcp_idle_timeout=Duration.seconds(_IDLE_SECONDS),
            )

    def _scale(self, size: EdgeSize, table_name: str) -> None:
        """Start more tasks when processors or associations are many; stop none that serves."""
        scaling = self.service.auto_scale_task_count(
            min_capacity=size.tasks, max_capacity=size.most_tasks
        )
        slowly, at_once = Duration.minutes(15), Duration.minutes(1)
        scaling.scale_on_cpu_utilization(
            "Cpu",
            target_utilization_percent=_BUSY_PERCENT,
            scale_in_cooldown=slowly,
            scale_out_cooldown=at_once,
        )
        scaling.scale_to_track_custom_metric(
            "Associations",
            metric=cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=ASSOCIATIONS,
                dimensions_map={ARCHIVE: table_name},
                statistic="Average",
                period=Duration.minutes(1),
            ),
            target_value=_BUSY_ASSOCIATIONS,
            scale_in_cooldown=slowly,
            scale_out_cooldown=at_once,
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
            reason = "The only range is the VPC's own, known at deployment."
            acknowledge(group, {"EC23": reason})
            acknowledge(
                group,
                {"EC2RestrictedCommonPorts": reason, "EC2RestrictedSSH": reason},
                REGULATIONS,
            )
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
        reason = "It logs TLS listeners only and has none; the VPC's flow logs have them all."
        acknowledge(balancer, {"ELB2": reason})
        acknowledge(
            balancer,
            {
                "ELBLoggingEnabled": reason,
                "ELBv2ACMCertificateRequired": (
                    "DICOM TLS ends in the task, which checks the client's certificate; the"
                    " balancer passes it through. Plain ports are for modalities without TLS."
                ),
            },
            REGULATIONS,
        )
        return balancer

    def _create_targets(
        self, vpc: ec2.IVpc, construct_id: str, port: int, healthy_at: elbv2.HealthCheck
    ) -> elbv2.NetworkTargetGroup:
        return elbv2.NetworkTargetGroup(
            self,
            construct_id,
            vpc=vpc,
            port=port,
            protocol=elbv2.Protocol.TCP,
            target_type=elbv2.TargetType.IP,
            preserve_client_ip=True,
            deregistration_delay=Duration.seconds(120),
            health_check=healthy_at,
            targets=[
                self.service.load_balancer_target(container_name=CONTAINER, container_port=port)
            ],
        )


def _let_protect(task: ecs.FargateTaskDefinition, cluster: ecs.Cluster) -> None:
    """Allow a task to say that it must not be stopped."""
    place = f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}"
    tasks = f"{place}:task/{cluster.cluster_name}/*"
    grant(task.task_role, _PROTECT, [tasks])
    name = cluster.stack.get_logical_id(cluster.node.default_child)  # type: ignore[arg-type]
    arn = f"arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:task/<{name}>/*"
    acknowledge(task.task_role, {f"IAM5[Resource::{arn}]": _TASK_NAMES})
