"""Crediting what comes to the C-MOVE that the edge, or another task of it, has asked for."""

from __future__ import annotations

from dimse_edge.command import Command, Tag
from nephele.aws.index.moved import note_moved
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.receive import Receipt

FIRST_MESSAGE_ID = 1001
"""The edge's own C-MOVEs have no lower message ids; others' rarely have higher ones."""


def credit(archive: Archive, command: Command, receipt: Receipt) -> None:
    """Note an instance under the C-MOVE it came for, if the edge may have asked for that."""
    message_id = command.number(Tag.MOVE_ORIGINATOR_MESSAGE_ID)
    originator = command.text(Tag.MOVE_ORIGINATOR_AET)
    if message_id < FIRST_MESSAGE_ID or not originator:
        return
    try:
        note_moved(archive.index.table, message_id, receipt.orthanc_id)
    except NepheleError as error:
        logger.warning("instance not credited", extra={"error": type(error).__name__})
