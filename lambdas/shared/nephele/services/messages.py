"""Working through a batch of SQS messages: those that failed come again, alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import orjson

from nephele.aws.index import records
from nephele.aws.queues import return_after
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services import cloudwatch_metrics, events
from nephele.services.archive import Archive
from nephele.services.derived import derive_object
from nephele.services.heartbeat import heartbeat
from nephele.services.index_objects import index_objects
from nephele.services.transcode_objects import transcode_object
from nephele.settings.limits import HELD_MESSAGE_SECONDS, MAXIMUM_RECEIVES

Batch = Mapping[str, str]
"""Message id to body."""

RETRY_DELAYS_SECONDS = (2, 10, 60, 300)
"""How long a failed message stays away, by its number of deliveries; the last one repeats.

Left to itself it would stay away for the queue's visibility timeout, minutes each time.
"""


def read_batch(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the messages of the event an SQS mapping invokes a function with."""
    return {record["messageId"]: record["body"] for record in event["Records"]}


def batch_answer(event: Mapping[str, Any], failed: Iterable[str]) -> dict[str, Any]:
    """Return the answer that makes SQS deliver only the failed messages again, and soon."""
    identifiers = list(failed)
    again = [record for record in event["Records"] if record["messageId"] in identifiers]
    if again:
        return_after(
            again[0]["eventSourceARN"],
            {
                record["receiptHandle"]: retry_delay(
                    int(record["attributes"]["ApproximateReceiveCount"])
                )
                for record in again
            },
        )
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def kept_away(event: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Keep the messages of the event away from other workers for as long as this one lives.

    A death then costs `HELD_MESSAGE_SECONDS`, not the queue's visibility timeout: that is six times
    the function's own, 90 minutes of `transcode`.
    """
    held = event["Records"]
    seconds = {record["receiptHandle"]: HELD_MESSAGE_SECONDS for record in held}

    def stay() -> None:
        return_after(held[0]["eventSourceARN"], seconds)

    return heartbeat(stay, stay)


def retry_delay(deliveries: int) -> int:
    """Return how long a message stays away that failed, by its number of deliveries."""
    return RETRY_DELAYS_SECONDS[min(deliveries, len(RETRY_DELAYS_SECONDS)) - 1]


def index_messages(archive: Archive, batch: Batch) -> list[str]:
    """Index the objects these messages announce; return the ids of those that failed."""
    keys: dict[str, list[str]] = {}
    unreadable = each_message(
        batch, lambda identifier, body: keys.update({identifier: events.object_keys(body)})
    )
    try:
        failures = _index(archive, [key for names in keys.values() for key in names])
    except NepheleError as error:
        logger.warning("batch failed", extra={"reason": f"{type(error).__name__}: {error}"})
        return list(batch)
    except Exception:  # noqa: BLE001  one object must not take its neighbours along
        logger.exception("batch failed, its messages are processed alone")
        return unreadable + each_message(
            {identifier: batch[identifier] for identifier in keys},
            lambda identifier, _: _index_alone(archive, keys[identifier]),
        )
    failed = [identifier for identifier, names in keys.items() if failures.keys() & set(names)]
    return unreadable + failed


def _index(archive: Archive, keys: Sequence[str]) -> dict[str, NepheleError]:
    failures = index_objects(archive, keys)
    for key, error in failures.items():
        keep_failure(archive, key, error)
    if indexed := len(set(keys).difference(failures)):
        cloudwatch_metrics.count(cloudwatch_metrics.INDEXED, indexed)
    return failures


def _index_alone(archive: Archive, keys: Sequence[str]) -> None:
    for error in _index(archive, keys).values():
        raise error


def redelivered(event: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids of messages that somebody had before, and did not finish."""
    return frozenset(
        record["messageId"]
        for record in event["Records"]
        if int(record["attributes"]["ApproximateReceiveCount"]) > 1
    )


def last_tries(event: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids of messages that become dead letters unless they succeed this time."""
    return frozenset(
        record["messageId"]
        for record in event["Records"]
        if int(record["attributes"]["ApproximateReceiveCount"]) >= MAXIMUM_RECEIVES
    )


def transcode_messages(
    archive: Archive,
    batch: Batch,
    last: Collection[str] = frozenset(),
    has_time: Callable[[], bool] = lambda: True,
) -> list[str]:
    """Transcode the raw objects these messages announce; return the ids of those that failed.

    Objects that are derived from stored ones are announced alike, by whoever wants them. Raw ones
    in `last`, and those for which there is no time, are kept as they came.
    """

    def work(identifier: str, body: str) -> None:
        for key in events.object_keys(body):
            is_last = identifier in last
            try:
                if not derive_object(archive, key, has_time):
                    transcode_object(archive, key, is_last_try=is_last, has_time=has_time)
            except NepheleError as error:
                keep_failure(archive, key, error)
                raise

    return each_message(batch, work)


def keep_failure(archive: Archive, object_key: str, error: NepheleError) -> None:
    """Log why an object failed, and keep it for the dead letter that it may become."""
    reason = f"{type(error).__name__}: {error}"
    logger.warning("object failed", extra={"key": object_key, "reason": reason})
    records.put_failure(archive.index.table, object_key, reason)


def each_message(batch: Batch, work: Callable[[str, str], object]) -> list[str]:
    """Do some work for each message by itself; return the ids of those that failed."""
    failed: list[str] = []
    for identifier, body in batch.items():
        try:
            work(identifier, body)
        except Exception:  # noqa: BLE001  the outermost boundary of one message
            logger.exception("message failed", extra={"message_id": identifier})
            failed.append(identifier)
    return failed


def read_json(body: str) -> Any:
    """Parse a message of Nephele's own."""
    return orjson.loads(body)
