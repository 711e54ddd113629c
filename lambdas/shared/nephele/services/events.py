"""Reading what triggers the functions: S3 events in SQS messages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus, unquote_plus

import orjson


def object_keys(body: str) -> list[str]:
    """Return the keys an S3 event names; `s3:TestEvent` names none."""
    event = orjson.loads(body)
    return [unquote_plus(record["s3"]["object"]["key"]) for record in event.get("Records", [])]


def object_event(key: str) -> dict[str, Any]:
    """Return the event S3 would send for an object, as much of it as is read here."""
    return {"Records": [{"s3": {"object": {"key": quote_plus(key, safe="/")}}}]}
