"""A worker's side of the queues of jobs: for the jobs function, and for whoever polls himself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from nephele.aws.queues import Queue, Received, return_after
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.engine import Held, KeepAway
from nephele.services.jobs.kinds import Kinds
from nephele.services.jobs.priority import run_in_turn
from nephele.services.messages import read_json, retry_delay


def run_received(
    archive: Archive,
    queue: Queue,
    received: Received,
    kinds: Kinds,
    has_time: Callable[[], bool],
) -> None:
    """Run the slice a received message asks for; it is deleted, or comes again when it shall."""
    again = _run(
        archive,
        received.text,
        received.deliveries,
        kinds,
        has_time,
        lambda seconds: queue.keep_away(received.handle, seconds),
    )
    if again is None:
        queue.delete(received.handle)
    else:
        queue.keep_away(received.handle, again)


def run_event(
    archive: Archive, event: Mapping[str, Any], kinds: Kinds, has_time: Callable[[], bool]
) -> dict[str, Any]:
    """Run the slices an SQS mapping invokes a function with; return which messages come again."""
    failed = []
    for record in event["Records"]:
        arn, handle = record["eventSourceARN"], record["receiptHandle"]

        def keep_away(seconds: int, arn: str = arn, handle: str = handle) -> None:
            return_after(arn, {handle: seconds})

        deliveries = int(record["attributes"]["ApproximateReceiveCount"])
        again = _run(archive, record["body"], deliveries, kinds, has_time, keep_away)
        if again is not None:
            keep_away(again)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _run(
    archive: Archive,
    text: str,
    deliveries: int,
    kinds: Kinds,
    has_time: Callable[[], bool],
    keep_away: KeepAway,
) -> int | None:
    """Run one slice; return after how many seconds its message shall come again, None if not."""
    try:
        run_in_turn(archive, read_json(text), kinds, has_time, keep_away)
    except Held as held:
        return math.ceil(held.seconds) + 1
    except NepheleError as error:
        logger.warning("slice failed", extra={"error": type(error).__name__})
        return retry_delay(deliveries)
    except Exception:  # noqa: BLE001  the outermost boundary of one message
        logger.exception("slice failed")
        return retry_delay(deliveries)
    return None
