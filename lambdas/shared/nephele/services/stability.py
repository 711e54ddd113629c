"""Stable resources: nothing was received beneath them for `StableAge` seconds.

AWS has no timers, so each commit sends itself a delayed message; the last one finds nothing newer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from nephele.aws import clock
from nephele.aws.index import codec, items, keys
from nephele.aws.index.table import ConditionFailed
from nephele.aws.queues import MAXIMUM_DELAY_SECONDS
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Change, ChangeType
from nephele.services.archive import Archive

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item

_STABLE = {
    Level.PATIENT: ChangeType.STABLE_PATIENT,
    Level.STUDY: ChangeType.STABLE_STUDY,
    Level.SERIES: ChangeType.STABLE_SERIES,
}


class Reminder(TypedDict):
    """The delayed message: the resource, and when something was received beneath it."""

    level: str
    id: str
    received: str


def remind(archive: Archive, reminders: list[Reminder]) -> None:
    """Look at these resources again when they may have become stable."""
    archive.queue("stable").send_all(reminders, archive.configuration.stable_age)


def settle(archive: Archive, reminder: Reminder) -> bool:
    """Make a resource stable unless something was received since; tell whether it was done.

    Commits may land in another order than their times: the last one may have left the time of an
    earlier one than the reminder's.
    """
    rest = archive.configuration.stable_age - clock.age_seconds(reminder["received"])
    if rest > 1:
        archive.queue("stable").send(reminder, min(int(rest) + 1, MAXIMUM_DELAY_SECONDS))
        return False
    level, orthanc_id = Level(reminder["level"]), OrthancId(reminder["id"])
    change = Change(_STABLE[level], level, orthanc_id, clock.to_seconds(clock.now()))
    return commit_once(
        archive,
        orthanc_id,
        change,
        "SET s = :one",
        "c <= :c AND attribute_not_exists(s)",
        {":one": codec.number(1), ":c": codec.text(reminder["received"])},
    )


def complete(archive: Archive, series: OrthancId) -> bool:
    """Log that a series has all of its instances, once; tell whether it was done."""
    date = clock.to_seconds(clock.now())
    change = Change(ChangeType.COMPLETED_SERIES, Level.SERIES, series, date)
    return commit_once(
        archive,
        series,
        change,
        "SET f = :one",
        "attribute_exists(pk) AND attribute_not_exists(f)",
        {":one": codec.number(1)},
    )


def commit_once(
    archive: Archive,
    orthanc_id: OrthancId,
    change: Change,
    expression: str,
    condition: str,
    values: dict[str, Any],
) -> bool:
    """Update a row and log a change, both or none; False where the condition does not hold."""
    table = archive.index.table
    update: dict[str, Any] = {
        "TableName": table.name,
        "Key": keys.resource(orthanc_id),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }
    item: Item = {"Update": update}  # type: ignore[typeddict-item]
    outbox = items.pending(table.name, clock.now(), clock.new_uuid(), [change], [])
    try:
        table.transact([item, outbox])
    except ConditionFailed:
        return False
    return True
