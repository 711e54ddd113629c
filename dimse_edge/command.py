"""Command sets, read and written without a detour over data sets of pydicom.

A command set is always Implicit VR Little Endian (PS3.7 6.3.1), so a few lines do; they save half
a millisecond of each instance.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

C_STORE_RQ = 0x0001
C_GET_RQ = 0x0010
C_FIND_RQ = 0x0020
C_MOVE_RQ = 0x0021
C_ECHO_RQ = 0x0030
N_EVENT_REPORT_RQ = 0x0100
N_ACTION_RQ = 0x0130
C_CANCEL_RQ = 0x0FFF
RESPONSE = 0x8000
"""Set in the Command Field of every response. See PS3.7 E.1."""
NO_DATA_SET = 0x0101

_AFFECTED_SOP_CLASS_UID = 0x0002
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
_COMMAND_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_ERROR_COMMENT = 0x0902
_AFFECTED_SOP_INSTANCE_UID = 0x1000
_REMAINING_SUB_OPERATIONS = 0x1020
_MOVE_DESTINATION = 0x0600

_ELEMENT = struct.Struct("<HHI")
_US = struct.Struct("<H")
_LONGEST_COMMENT = 64
_HAS_DATA_SET = 0x0001
_MOST = 0xFFFF
"""Counts of sub-operations have 16 bits."""


class ProtocolError(Exception):
    """What the peer sent breaks the protocol: the association is aborted."""


@dataclass(frozen=True, slots=True)
class Command:
    """The elements of a request or response that matter. See PS3.7 9.3.

    Attributes
    ----------
    responded_to : int
        Message ID Being Responded To (0000,0120): of responses, and of C-CANCEL.
    status : int or None
        Of responses.
    elements : mapping
        Every element of the set, by its number within group 0000, as encoded.
    """

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str
    sop_instance_uid: str
    responded_to: int = 0
    status: int | None = None
    move_destination: str = ""
    elements: Mapping[int, bytes] = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def is_response(self) -> bool:
        """Tell whether it answers a request."""
        return bool(self.field & RESPONSE)


class SubOperations(NamedTuple):
    """How many sub-operations there are of each kind. See PS3.7 9.3.3.2 and 9.3.4.2."""

    remaining: int
    completed: int
    failed: int
    warning: int


def parse_command(encoded: bytes) -> Command:
    """Parse a command set.

    Raises
    ------
    ProtocolError
        It is truncated, holds something else than group 0000, or lacks its Command Field.
    """
    values = dict(read_elements(encoded))
    try:
        return Command(
            field=_number(values[_COMMAND_FIELD]),
            message_id=_number(values.get(_MESSAGE_ID, b"\0\0")),
            has_data_set=_number(values[_COMMAND_DATA_SET_TYPE]) != NO_DATA_SET,
            sop_class_uid=_uid(values.get(_AFFECTED_SOP_CLASS_UID, b"")),
            sop_instance_uid=_uid(values.get(_AFFECTED_SOP_INSTANCE_UID, b"")),
            responded_to=_number(values.get(_MESSAGE_ID_BEING_RESPONDED_TO, b"\0\0")),
            status=_number(values[_STATUS]) if _STATUS in values else None,
            move_destination=values.get(_MOVE_DESTINATION, b"").decode("ascii").strip(" \0"),
            elements=values,
        )
    except (KeyError, struct.error, UnicodeDecodeError) as exc:
        raise ProtocolError("the command set is not valid") from exc


def read_elements(encoded: bytes | bytearray) -> list[tuple[int, bytes]]:
    """Return the elements of a command set by their numbers within group 0000, as encoded.

    Raises
    ------
    ProtocolError
        It is truncated, or holds something else than group 0000.
    """
    elements = []
    position = 0
    while position < len(encoded):
        if position + 8 > len(encoded):
            raise ProtocolError("the command set is truncated")
        group, element, size = _ELEMENT.unpack_from(encoded, position)
        value = bytes(encoded[position + 8 : position + 8 + size])
        if group or len(value) < size:
            raise ProtocolError("the command set is not valid")
        elements.append((element, value))
        position += 8 + size
    return elements


def _number(value: bytes) -> int:
    return int(_US.unpack(value)[0])


def _uid(value: bytes) -> str:
    return value.decode("ascii").strip(" \0")


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
    elements = [
        (_AFFECTED_SOP_CLASS_UID, _padded(request.sop_class_uid, b"\0")),
        (_COMMAND_FIELD, _US.pack(request.field | RESPONSE)),
        (_MESSAGE_ID_BEING_RESPONDED_TO, _US.pack(request.message_id)),
        (_COMMAND_DATA_SET_TYPE, _US.pack(_HAS_DATA_SET if has_data_set else NO_DATA_SET)),
        (_STATUS, _US.pack(status)),
    ]
    if comment:
        elements.append((_ERROR_COMMENT, _padded(comment[:_LONGEST_COMMENT], b" ")))
    if request.sop_instance_uid:
        uid = _padded(request.sop_instance_uid, b"\0")
        elements.append((_AFFECTED_SOP_INSTANCE_UID, uid))
    for number, count in enumerate(counts or (), _REMAINING_SUB_OPERATIONS):
        elements.append((number, _US.pack(min(count, _MOST))))
    body = b"".join(_element(number, value) for number, value in elements)
    return _element(0x0000, struct.pack("<I", len(body))) + body


def _element(element: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, element, len(value)) + value


def _padded(text: str, padding: bytes) -> bytes:
    value = text.encode("ascii", "replace")
    return value + padding if len(value) % 2 else value
