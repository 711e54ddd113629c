"""Time and random identifiers: the only places where they enter."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime

FORMAT = "%Y%m%dT%H%M%S.%f"
"""How `now` writes a time."""


def now() -> str:
    """Return UTC as `YYYYMMDDTHHMMSS.ffffff`; it sorts as text in time order."""
    return datetime.now(UTC).strftime(FORMAT)


def to_seconds(timestamp: str) -> str:
    """Cut a timestamp of `now` to Orthanc's `YYYYMMDDTHHMMSS`."""
    return timestamp.partition(".")[0]


def age_seconds(timestamp: str) -> float:
    """Return how long ago a timestamp of `now` was."""
    return time.time() - epoch_of(timestamp)


def epoch_of(timestamp: str) -> float:
    """Return a timestamp of `now` as seconds since 1970."""
    return datetime.strptime(timestamp, FORMAT).replace(tzinfo=UTC).timestamp()


def expiry(seconds: int) -> int:
    """Return the epoch second for a DynamoDB TTL attribute."""
    return int(time.time()) + seconds


def new_uuid() -> str:
    """Return a random UUID as text."""
    return str(uuid.uuid4())


def epoch_seconds() -> float:
    """Return the time as seconds since 1970."""
    return time.time()


def microseconds() -> int:
    """Return the time as microseconds since 1970: versions begin with it, so that they grow."""
    return time.time_ns() // 1000
