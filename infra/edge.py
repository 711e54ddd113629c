"""The edge stack: the DICOM door, reached over VPN or inside the hospital's network."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.api import ApiStack
from infra.archive import Archive
from infra.components.alarms import add_alarm
from infra.components.dicom_service import DicomService
from infra.components.dicom_task import SIDE_PORT, SPOOL, create_task
from infra.components.function import create_log_group, environment_variables, grant
from infra.components.mapping import POLL
from infra.components.network import EdgeNetwork
from infra.components.service_alarms import iter_edge_watches, iter_https_watches
from infra.jobs import JobsStack
from infra.options import EdgeSize, Options
from nephele.aws.keys import DERIVED, FINAL, RAW
from nephele.settings.environment import ApiEnvironment, AuthorizeEnvironment, EdgeEnvironment

STANDARD_PORTS = (104, 11112, 2762)
"""DICOM's well-known ports: plain, registered, and TLS."""


class EdgeStack(Stack):
    """Network, load balancer and tasks of the DIMSE edge."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        archive: Archive,
        jobs: JobsStack,
        api: ApiStack,
        alarms: sns.ITopic,
        options: Options,
    ) -> None:
        super().__init__(
            scope, construct_id, description="Nephele: the DIMSE edge", env=options.environment
        )
        configuration = options.configuration
        size = options.edge or EdgeSize()
        has_https = configuration.ssl_enabled
        https_port = configuration.edge_https_port if has_https else None
        network = EdgeNetwork(self, "Network", options=options, key=archive.key)
        values = (
            archive.values()
            | jobs.values()
            | {
                "configuration": configuration.public_json(),
                "temporary_directory": SPOOL,
                "side_port": str(SIDE_PORT),
            }
        )
        log_group = create_log_group(self, "Logs", archive.key, options.functions.log_days)
        task = create_task(
            self,
            environment=environment_variables(EdgeEnvironment, values)
            | (_https_variables(api, values) if has_https else {}),
            port=configuration.dicom_port,
            https_port=https_port,
            size=size,
            architecture=options.functions.architecture,
            log_group=log_group,
        )
        archive.grant_read_objects(task.task_role, [FINAL, DERIVED])
        archive.grant_restore_objects(task.task_role)
        archive.grant_write_objects(task.task_role, [FINAL, RAW, DERIVED])
        archive.grant_delete_objects(task.task_role, [DERIVED])
        archive.grant_table(task.task_role)
        archive.grant_send(task.task_role, jobs.jobs_queue.queue, jobs.edge_jobs_queue.queue)
        jobs.grant_peers(task.task_role)
        grant(task.task_role, POLL, [jobs.edge_jobs_queue.queue.queue_arn])
        if has_https:
            api.grant_serving(task.task_role)
        edge = DicomService(
            self,
            "Dicom",
            vpc=network.vpc,
            security_group=network.service,
            task=task,
            port=configuration.dicom_port,
            listener_ports=sorted({*STANDARD_PORTS, configuration.dicom_port}),
            https_port=https_port,
            clients=options.network.dicom_clients or (network.vpc.vpc_cidr_block,),
            is_enabled=configuration.dicom_server_enabled,
            size=size,
            table_name=archive.table.table_name,
        )
        if configuration.dicom_server_enabled:
            for watch in (
                *iter_edge_watches(edge.targets, log_group),
                *(iter_https_watches(edge.https_targets, log_group) if edge.https_targets else ()),
            ):
                add_alarm(self, alarms, watch)
        CfnOutput(
            self,
            "EgressRange",
            value=network.vpc.vpc_cidr_block,
            description="Where C-STORE and C-MOVE to modalities come from",
        )
        CfnOutput(
            self,
            "Address",
            value=edge.balancer.load_balancer_dns_name,
            description="Where modalities send to",
        )


def _https_variables(api: ApiStack, values: dict[str, str]) -> dict[str, str]:
    """Return what the REST API's own process reads; blobs are for answers that are too large."""
    served = ("users_secret", "stable_queue", "purge_queue")
    known = values | {name: api.serving_values[name] for name in served}
    return environment_variables(ApiEnvironment, known) | environment_variables(
        AuthorizeEnvironment, known
    )
