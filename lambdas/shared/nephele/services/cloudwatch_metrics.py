"""CloudWatch metrics, written as log lines in the Embedded Metric Format."""

from __future__ import annotations

import os

from nephele.settings.environment import PREFIX

NAMESPACE = "Nephele"
ARCHIVE = "archive"
"""The dimension of all: several archives may share an account. Its value is the table's name."""
ASSOCIATIONS = "Associations"
"""Associations that one task of the edge serves."""
INDEXED = "Indexed"
"""Counts objects that the index has, those included that it had already."""
INGEST_TRANSCODING_FAILED = "IngestTranscodingFailed"
"""Counts files that are stored as they came although they were to be transcoded."""


def count(name: str, value: int = 1) -> None:
    """Add to a metric, or tell how many there are."""
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    archive = os.environ.get(f"{PREFIX}TABLE", "none")
    with single_metric(
        name=name,
        unit=MetricUnit.Count,
        value=value,
        namespace=NAMESPACE,
        default_dimensions={ARCHIVE: archive},
    ):
        pass
