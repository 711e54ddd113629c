"""CloudWatch metrics, written as log lines in the Embedded Metric Format."""

from __future__ import annotations

NAMESPACE = "Nephele"
INGEST_TRANSCODING_FAILED = "IngestTranscodingFailed"
"""Counts files that are stored as they came although they were to be transcoded."""


def count(name: str) -> None:
    """Add one to a metric."""
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=NAMESPACE):
        pass
