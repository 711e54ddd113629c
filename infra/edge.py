"""The edge stack: the DICOM door, reached over VPN or inside the hospital's network."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.archive import Archive
from infra.components.dicom_service import SPOOL, DicomService, create_task
from infra.components.function import create_log_group, environment_variables
from infra.components.network import EdgeNetwork
from infra.options import Options
from nephele.aws.keys import FINAL, RAW
from nephele.settings.environment import EdgeEnvironment

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
        options: Options,
    ) -> None:
        super().__init__(scope, construct_id, description="Nephele: the DIMSE edge")
        configuration = options.configuration
        network = EdgeNetwork(self, "Network", options=options, key=archive.key)
        values = archive.values() | {
            "configuration": configuration.public_json(),
            "temporary_directory": SPOOL,
        }
        task = create_task(
            self,
            environment=environment_variables(EdgeEnvironment, values),
            port=configuration.dicom_port,
            log_group=create_log_group(self, "Logs", archive.key),
        )
        archive.grant_write_objects(task.task_role, [FINAL, RAW])
        archive.grant_read_table(task.task_role)
        edge = DicomService(
            self,
            "Dicom",
            vpc=network.vpc,
            security_group=network.service,
            task=task,
            port=configuration.dicom_port,
            listener_ports=sorted({*STANDARD_PORTS, configuration.dicom_port}),
            clients=options.dicom_clients or (network.vpc.vpc_cidr_block,),
            is_enabled=configuration.dicom_server_enabled,
        )
        CfnOutput(
            self,
            "Address",
            value=edge.balancer.load_balancer_dns_name,
            description="Where modalities send to",
        )
