"""Responses of the edge, encoded: the request they answer says most of what is in them."""

from __future__ import annotations

from typing import NamedTuple

from dimse_edge.command import (
    HAS_DATA_SET,
    NO_DATA_SET,
    RESPONSE,
    Command,
    Tag,
    encode_command,
)

_LONGEST_COMMENT = 64
_COUNTS = (Tag.REMAINING, Tag.COMPLETED, Tag.FAILED, Tag.WARNING)
_MOST = 0xFFFF
"""Counts of sub-operations have 16 bits."""


class SubOperations(NamedTuple):
    """How many sub-operations there are of each kind. See PS3.7 9.3.3.2 and 9.3.4.2."""

    remaining: int
    completed: int
    failed: int
    warning: int


def encode_response(
    request: Command,
    status: int,
    comment: str = "",
    *,
    has_data_set: bool = False,
    counts: SubOperations | None = None,
) -> bytes:
    """Encode the response to a request.

    Parameters
    ----------
    comment : str
        Error Comment (0000,0902): ASCII, cut at 64 characters, left out when empty.
    has_data_set : bool
        A data set follows.
    counts : SubOperations, optional
        Of C-MOVE and C-GET.
    """
    values: dict[Tag, int | str] = {
        Tag.AFFECTED_SOP_CLASS_UID: request.sop_class_uid,
        Tag.COMMAND_FIELD: request.field | RESPONSE,
        Tag.MESSAGE_ID_BEING_RESPONDED_TO: request.message_id,
        Tag.COMMAND_DATA_SET_TYPE: HAS_DATA_SET if has_data_set else NO_DATA_SET,
        Tag.STATUS: status,
        Tag.ERROR_COMMENT: comment[:_LONGEST_COMMENT],
        Tag.AFFECTED_SOP_INSTANCE_UID: request.sop_instance_uid,
    }
    values |= {tag: min(count, _MOST) for tag, count in zip(_COUNTS, counts or (), strict=False)}
    return encode_command(values)
