"""The one structured logger: constant messages, ids and counts beside them.

Lines carry ids, UIDs, AETs, counts, bytes and durations, never attributes of a patient, values of
a query or presigned URLs.
"""

from __future__ import annotations

import os

from aws_lambda_powertools import Logger

logger = Logger(
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", "nephele"),
    log_uncaught_exceptions=False,
    utc=True,
)
"""Name of the service and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL."""
