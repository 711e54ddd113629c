"""The task that speaks DICOM: one container of an unprivileged user, and the image it runs."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.acknowledge import acknowledge
from infra.components.bundle import ROOT, build_image_context
from infra.components.function import acknowledge_inline
from infra.options import EdgeSize

CONTAINER = "Edge"
SPOOL = "/var/spool/nephele"
SIDE_PORT = 8104
"""Where the balancer asks for a task's health, without an association of DICOM."""
_FIRST_UNPRIVILEGED_PORT = 1024
_ARCHITECTURES = {"x86_64": ecs.CpuArchitecture.X86_64, "arm64": ecs.CpuArchitecture.ARM64}
_PLATFORMS = {
    "x86_64": ecr_assets.Platform.LINUX_AMD64,
    "arm64": ecr_assets.Platform.LINUX_ARM64,
}
_HEALTH_CHECK = ecs.HealthCheck(
    command=["CMD", "python", "-m", "dimse_edge.health"],
    interval=Duration.seconds(60),
    timeout=Duration.seconds(15),
    start_period=Duration.seconds(60),
    retries=3,
)


def create_task(
    scope: Construct,
    *,
    environment: Mapping[str, str],
    port: int,
    https_port: int | None,
    size: EdgeSize,
    architecture: str,
    log_group: logs.ILogGroup,
) -> ecs.FargateTaskDefinition:
    """Create the task: an unprivileged user, no capabilities, nothing writable but its spool."""
    task = ecs.FargateTaskDefinition(
        scope,
        "Task",
        cpu=size.cpu,
        memory_limit_mib=size.memory_mb,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=_ARCHITECTURES[architecture],
            operating_system_family=ecs.OperatingSystemFamily.LINUX,
        ),
        volumes=[ecs.Volume(name="spool")],
    )
    container = task.add_container(
        CONTAINER,
        image=ecs.ContainerImage.from_docker_image_asset(_create_image(scope, architecture)),
        environment=dict(environment),
        logging=ecs.LogDriver.aws_logs(stream_prefix="edge", log_group=log_group),
        linux_parameters=_linux_parameters(scope),
        readonly_root_filesystem=True,
        stop_timeout=Duration.seconds(120),
        port_mappings=[
            ecs.PortMapping(container_port=number)
            for number in (port, SIDE_PORT, https_port)
            if number is not None
        ],
        health_check=_HEALTH_CHECK,
        system_controls=_system_controls(min(port, https_port or port)),
    )
    container.add_mount_points(
        ecs.MountPoint(container_path=SPOOL, source_volume="spool", read_only=False)
    )
    _acknowledge(task)
    return task


def _acknowledge(task: ecs.FargateTaskDefinition) -> None:
    acknowledge(
        task, {"ECS2": "The variables are names and Orthanc's options; none of them is a secret."}
    )
    for role in (task.obtain_execution_role(), task.task_role):
        acknowledge_inline(role)
    acknowledge(
        task.obtain_execution_role(),
        {"IAM5[Resource::*]": "ecr:GetAuthorizationToken knows no narrower resource."},
    )


def _create_image(scope: Construct, architecture: str) -> ecr_assets.DockerImageAsset:
    """Describe the image; it is built when it is deployed, not when the app is synthesized."""
    edge = ROOT / "dimse_edge"
    packages = [edge, ROOT / "lambdas" / "shared" / "nephele"]
    context = build_image_context(edge / "Dockerfile", packages, "edge")
    return ecr_assets.DockerImageAsset(
        scope, "Image", directory=str(context), platform=_PLATFORMS[architecture]
    )


def _linux_parameters(scope: Construct) -> ecs.LinuxParameters:
    parameters = ecs.LinuxParameters(scope, "Linux", init_process_enabled=True)
    parameters.drop_capabilities(ecs.Capability.ALL)
    return parameters


def _system_controls(port: int) -> list[ecs.SystemControl] | None:
    """Let the unprivileged user listen on a low `DicomPort` or `EdgeHttpsPort`."""
    if port >= _FIRST_UNPRIVILEGED_PORT:
        return None
    return [ecs.SystemControl(namespace="net.ipv4.ip_unprivileged_port_start", value=str(port))]
