"""Messages no function could process: kept with their reason, sent again on demand."""

from __future__ import annotations

from typing import Any

import orjson

from nephele.aws import clock
from nephele.aws.index import ended, records
from nephele.aws.keys import RAW, parse_instance_key
from nephele.domain.resources import DeadLetter
from nephele.errors import UnknownResource
from nephele.services import events
from nephele.services.archive import Archive
from nephele.services.jobs.unattended import is_given_up

STREAM = "stream"
_INGEST = ("index", "transcode")


def keep(archive: Archive, message_id: str, body: str) -> None:
    """Move a message from a dead-letter queue into the table.

    There is one dead letter for each object and queue, however often the reconciler sends it. A
    job fails instead, where its reason can be read and it can be submitted again.
    """
    if is_given_up(archive, body):
        return
    queue, object_key = _origin(body)
    key = parse_instance_key(object_key or "")
    reason = records.failure(archive.index.table, object_key) if object_key else ""
    records.put_dead_letter(
        archive.index.table,
        DeadLetter(
            identifier=message_id if key is None else f"{queue}-{key.uuid}",
            queue=queue,
            body=body,
            reason=reason or "the function was killed, timed out or could not start",
            received=clock.now(),
            object_key=object_key,
        ),
    )


def _origin(body: str) -> tuple[str, str | None]:
    """Tell from a message which queue it was in, and which object it was about."""
    try:
        message: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "unknown", None
    if "Records" in message:
        object_key = next(iter(events.object_keys(body)), None)
        key = parse_instance_key(object_key or "")
        return ("transcode" if key and key.area == RAW else "index"), object_key
    if "purge" in message:
        return "purge", str(message["purge"])
    if "recycle" in message:
        return "recycle", None
    if "received" in message:
        return "stable", None
    return STREAM if "DDBStreamBatchInfo" in message else "unknown", None


def forget_settled(archive: Archive) -> None:
    """Forget messages about objects that came through by another one, the reconciler's mostly."""
    letters = [
        (letter, key)
        for letter in list_dead_letters(archive)
        if letter.queue in _INGEST and (key := parse_instance_key(letter.object_key or ""))
    ]
    transcoded = records.receipts(
        archive.index.table, [key.uuid for _, key in letters if key.area == RAW]
    )
    final = [key for _, key in letters if key.area != RAW]
    rows = archive.index.rows({key.orthanc_id for key in final})
    settled = ended.settled_among(archive.index.table, rows, final)
    for letter, key in letters:
        if key.uuid in transcoded or key.uuid in settled:
            records.delete_dead_letter(archive.index.table, letter.identifier)


def list_dead_letters(archive: Archive) -> list[DeadLetter]:
    """Return all messages that could not be processed, in no particular order."""
    return records.list_dead_letters(archive.index.table)


def dead_letter(archive: Archive, identifier: str) -> DeadLetter:
    """Return one message; UnknownResource if there is none."""
    letter = records.dead_letter(archive.index.table, identifier)
    if letter is None:
        raise UnknownResource("there is no such dead letter")
    return letter


def retry(archive: Archive, identifier: str) -> None:
    """Send a message to its queue again and forget it here.

    Raises
    ------
    UnknownResource
        There is no such message, or it cannot be sent again (a record of the stream, whose work
        the reconciler does).
    """
    letter = dead_letter(archive, identifier)
    if letter.queue not in archive.queues:
        raise UnknownResource("this dead letter has no queue to go back to")
    archive.queue(letter.queue).send(orjson.loads(letter.body))
    records.delete_dead_letter(archive.index.table, identifier)
