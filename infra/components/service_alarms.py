"""Alarms on what one stack alone has: the edge's tasks, the API, recycling, the last ingest."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from infra.components.alarms import Watch
from nephele.services.cloudwatch_metrics import ARCHIVE, INDEXED, NAMESPACE

REJECTED = '{ $.outcome = "rejected" }'
"""Lines of the edge's log that tell of a refused association."""
NOT_STORED = '{ $.message = "instance refused" || $.message = "instance failed" }'
"""Lines of the edge's log that tell of an instance whose C-STORE failed."""
NO_CERTIFICATE = '{ $.message = "HTTPS is not possible" || $.message = "TLS is not possible" }'
"""Lines of the edge's log that tell of a certificate it cannot use."""
SILENT = '{ $.message = "HTTPS does not answer" }'
"""Lines of the edge's log that tell of an HTTPS process that took connections and hung."""
FAILED = '{ $.message = "request failed" && $.level = "ERROR" }'
"""Lines of the edge's log that tell of an error of its own, over HTTPS or DICOM."""
STUCK = '{ $.message = "nothing can be recycled, the archive is above its limit" }'
_FIVE_MINUTES = Duration.minutes(5)
_REJECTED_IN_5_MINUTES = 10
_NOT_STORED_IN_5_MINUTES = 5
_FAILED_CALLS_IN_5_MINUTES = 5
_BEHIND_MILLISECONDS = 600_000


def iter_edge_watches(
    targets: elbv2.NetworkTargetGroup, log_group: logs.ILogGroup
) -> Iterator[Watch]:
    """Watch the tasks of the edge."""
    yield Watch(
        "NoHealthyTask",
        targets.metrics.healthy_host_count(statistic="Minimum", period=Duration.minutes(1)),
        1,
        "Nobody can send: no task of the edge is healthy. Look at the service's events.",
        periods=3,
        is_below=True,
        is_missing_bad=True,
    )
    yield Watch(
        "UnhealthyTask",
        targets.metrics.un_healthy_host_count(statistic="Maximum", period=_FIVE_MINUTES),
        1,
        "A task of the edge does not answer; ECS replaces it.",
        periods=3,
    )
    yield Watch(
        "RefusedAssociations",
        _counted(log_group, "Rejected", REJECTED, "AssociationsRejected"),
        _REJECTED_IN_5_MINUTES,
        "Somebody tries to connect and may not: GET /refused-associations tells who, and which"
        " option would let it in.",
    )
    yield Watch(
        "NotStored",
        _counted(log_group, "Refused", NOT_STORED, "InstancesNotStored"),
        _NOT_STORED_IN_5_MINUTES,
        "Instances that were sent are not stored. The sender was told and has them still; each line"
        " of the edge's log has the reason.",
    )
    yield Watch(
        "NoCertificate",
        _counted(log_group, "Certificates", NO_CERTIFICATE, "CertificateNotUsable"),
        1,
        "TLS is asked for, and the edge has no certificate it can use: nephele secrets push brings"
        " SslCertificate and DicomTlsCertificate to the secret of the peers.",
    )
    yield Watch(
        "EdgeErrors",
        _counted(log_group, "Failed", FAILED, "RequestsFailed"),
        _FAILED_CALLS_IN_5_MINUTES,
        "The edge answers with errors of its own: its log has each with its traceback.",
    )


def iter_https_watches(
    targets: elbv2.NetworkTargetGroup, log_group: logs.ILogGroup
) -> Iterator[Watch]:
    """Watch the edge's own HTTPS, which a process of its own serves in each task."""
    yield Watch(
        "NoHealthyHttps",
        targets.metrics.healthy_host_count(statistic="Minimum", period=Duration.minutes(1)),
        1,
        "No task of the edge takes connections for HTTPS: its log says why. DICOM has an alarm of"
        " its own.",
        periods=3,
        is_below=True,
        is_missing_bad=True,
    )
    yield Watch(
        "UnhealthyHttps",
        targets.metrics.un_healthy_host_count(statistic="Maximum", period=_FIVE_MINUTES),
        1,
        "The HTTPS port of a task is closed; ECS replaces the task.",
        periods=3,
    )
    yield Watch(
        "SilentHttps",
        _counted(log_group, "Silent", SILENT, "HttpsSilent"),
        1,
        "The HTTPS process of a task took connections and answered nobody for two minutes; it was"
        " ended and started anew. Look at what it was asked for before, in the edge's log.",
    )


def iter_api_watches(api: apigateway.RestApi) -> Iterator[Watch]:
    """Watch the answers of the REST API."""
    yield Watch(
        "ServerErrors",
        api.metric_server_error(statistic="Sum", period=_FIVE_MINUTES),
        _FAILED_CALLS_IN_5_MINUTES,
        "The REST API answers 5xx: the api function's log has each with its traceback, or a warning"
        " where another archive that was asked is away.",
    )


def iter_ingest_watches(
    metadata: lambda_.Function, table_name: str, quiet_hours: int
) -> Iterator[Watch]:
    """Watch the way from objects to the index."""
    yield Watch(
        "BehindTheStream",
        metadata.metric("IteratorAge", statistic="Maximum", period=_FIVE_MINUTES),
        _BEHIND_MILLISECONDS,
        "Changes are numbered late: the metadata function fails or is throttled.",
        periods=2,
    )
    if quiet_hours:
        yield Watch(
            "NothingCame",
            cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=INDEXED,
                dimensions_map={ARCHIVE: table_name},
                statistic="Sum",
                period=Duration.hours(1),
            ),
            1,
            f"Nothing was indexed for {quiet_hours} hours: is the VPN up, do modalities send?",
            periods=quiet_hours,
            is_below=True,
            is_missing_bad=True,
        )


def iter_recycle_watches(log_group: logs.ILogGroup) -> Iterator[Watch]:
    """Watch that room can be made."""
    yield Watch(
        "CannotRecycle",
        _counted(log_group, "Stuck", STUCK, "RecyclingStuck"),
        1,
        "The archive is above MaximumStorageSize or MaximumPatientCount, and every patient is"
        " protected: take protection from some, or raise the limit.",
    )


def _counted(
    log_group: logs.ILogGroup, construct_id: str, pattern: str, name: str
) -> cloudwatch.Metric:
    """Count lines of a log, under the stack's own namespace."""
    found = logs.MetricFilter(
        Stack.of(log_group),
        construct_id,
        log_group=log_group,
        filter_pattern=logs.FilterPattern.literal(pattern),
        metric_namespace=f"{NAMESPACE}/{Aws.STACK_NAME}",
        metric_name=name,
    )
    return found.metric(statistic="Sum", period=_FIVE_MINUTES)
