"""The web-log stack: what CloudFront notes of each request, in fields that are chosen.

CloudFront's older log has queries in it, and the query of a search may name a patient. Which
fields the newer one has (standard logging, version 2) is said to CloudWatch Logs, of us-east-1
alone: that is a stack of its own. It is told by options, of a second deployment, which distribution
it is about: a stack of another region cannot refer to it, unless by a custom resource.
"""

from __future__ import annotations

from aws_cdk import Aws, Environment, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.front import WebLog

REGION = "us-east-1"
"""CloudFront's own, wherever the archive is."""
FIELDS = (
    "date",
    "time",
    "x-edge-location",
    "x-edge-request-id",
    "c-ip",
    "cs-protocol",
    "cs-protocol-version",
    "ssl-protocol",
    "ssl-cipher",
    "cs-method",
    "x-host-header",
    "cs-uri-stem",
    "cs(User-Agent)",
    "cs-bytes",
    "sc-status",
    "sc-bytes",
    "time-taken",
    "x-edge-result-type",
    "x-edge-detailed-result-type",
)
"""Who asked for what, and how it went. No query, no cookie, and no page that led here: its address
may have a query, too."""


class WebLogStack(Stack):
    """The delivery of a distribution's log to the bucket that the web stack has for it."""

    def __init__(self, scope: Construct, construct_id: str, *, web_log: WebLog) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Nephele: what CloudFront's log has",
            env=Environment(region=REGION),
        )
        distribution = f"distribution/{web_log.distribution_id}"
        source = logs.CfnDeliverySource(
            self,
            "Source",
            name=Aws.STACK_NAME,
            log_type="ACCESS_LOGS",
            resource_arn=f"arn:{Aws.PARTITION}:cloudfront::{Aws.ACCOUNT_ID}:{distribution}",
        )
        destination = logs.CfnDeliveryDestination(
            self,
            "Destination",
            name=Aws.STACK_NAME,
            destination_resource_arn=f"arn:{Aws.PARTITION}:s3:::{web_log.bucket_name}",
            output_format="json",
        )
        delivery = logs.CfnDelivery(
            self,
            "Delivery",
            delivery_source_name=source.name,
            delivery_destination_arn=destination.attr_arn,
            record_fields=list(FIELDS),
        )
        delivery.add_resource_dependency(source)
