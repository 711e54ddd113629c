"""Command sets, read and written without a detour over data sets of pydicom. See PS3.7 E.1.

A command set is always Implicit VR Little Endian (PS3.7 6.3.1), so a few lines do; they save half
a millisecond of each instance.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

RESPONSE = 0x8000
"""Set in the Command Field of every response."""
HAS_DATA_SET = 0x0001
NO_DATA_SET = 0x0101
MEDIUM_PRIORITY = 0x0000

_ELEMENT = struct.Struct("<HHI")
_NUMBER = struct.Struct("<HHIH")
_GROUP_LENGTH = struct.Struct("<HHII")
_US = struct.Struct("<H")
_UL = struct.Struct("<I")


class Field(IntEnum):
    """Command Field (0000,0100) of the requests; a response has the highest bit besides."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_ACTION = 0x0130
    C_CANCEL = 0x0FFF


class Tag(IntEnum):
    """Elements of group 0000."""

    GROUP_LENGTH = 0x0000
    AFFECTED_SOP_CLASS_UID = 0x0002
    REQUESTED_SOP_CLASS_UID = 0x0003
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
    MOVE_DESTINATION = 0x0600
    PRIORITY = 0x0700
    COMMAND_DATA_SET_TYPE = 0x0800
    STATUS = 0x0900
    ERROR_COMMENT = 0x0902
    AFFECTED_SOP_INSTANCE_UID = 0x1000
    REQUESTED_SOP_INSTANCE_UID = 0x1001
    EVENT_TYPE_ID = 0x1002
    ACTION_TYPE_ID = 0x1008
    REMAINING = 0x1020
    COMPLETED = 0x1021
    FAILED = 0x1022
    WARNING = 0x1023
    MOVE_ORIGINATOR_AET = 0x1030
    MOVE_ORIGINATOR_MESSAGE_ID = 0x1031


FAILED_SOP_INSTANCE_UID_LIST = 0x00080058
"""Of a data set (PS3.4 C.4.2.1.4.2), but DCMTK sends the details of a status in the command set."""

_UIDS = frozenset(
    {
        Tag.AFFECTED_SOP_CLASS_UID,
        Tag.REQUESTED_SOP_CLASS_UID,
        Tag.AFFECTED_SOP_INSTANCE_UID,
        Tag.REQUESTED_SOP_INSTANCE_UID,
    }
)


class ProtocolError(Exception):
    """What the peer sent breaks the protocol: the association is aborted."""


@dataclass(frozen=True, slots=True)
class Command:
    """A request or a response that has come. See PS3.7 9.3 and 10.3.

    Attributes
    ----------
    responded_to : int
        Message ID Being Responded To (0000,0120): of responses, and of C-CANCEL.
    status : int
        Of responses; 0 in a request.
    elements : mapping
        Every element of the set, by its tag, as encoded. Of group 0000 in what PS3.7 asks for;
        peers add others, such as the Failed SOP Instance UID List.
    """

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str
    sop_instance_uid: str
    responded_to: int = 0
    status: int = 0
    elements: Mapping[int, bytes] = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def is_response(self) -> bool:
        """Tell whether it answers a request."""
        return bool(self.field & RESPONSE)

    @property
    def comment(self) -> str:
        """Return the Error Comment, printable characters only."""
        text = self.text(Tag.ERROR_COMMENT)
        return "".join(character for character in text if character.isprintable())

    def number(self, tag: Tag) -> int:
        """Return a number, 0 where there is none."""
        value = self.elements.get(tag, b"")
        return int(_US.unpack(value)[0]) if len(value) == _US.size else 0

    @property
    def failed_sop_instance_uids(self) -> list[str]:
        """Return the Failed SOP Instance UID List (0008,0058) that peers put into the command."""
        return split_uids(self.elements.get(FAILED_SOP_INSTANCE_UID_LIST, b""))

    def text(self, tag: Tag) -> str:
        """Return a text or a UID without its padding, empty where it is not there."""
        return self.elements.get(tag, b"").decode("ascii", "replace").strip(" \0")


def split_uids(encoded: bytes) -> list[str]:
    """Return the UIDs of an encoded value; what is no ASCII is replaced."""
    values = encoded.decode("ascii", "replace").split("\\")
    return [uid for value in values if (uid := value.strip(" \0"))]


def parse_command(encoded: bytes | bytearray) -> Command:
    """Parse a command set; elements of other groups are no error.

    Raises
    ------
    ProtocolError
        It is truncated, or lacks its Command Field, its Command Data Set Type or, in a response,
        its Status.
    """
    values = dict(_read_elements(encoded))
    try:
        command_field = _number(values[Tag.COMMAND_FIELD])
        return Command(
            field=command_field,
            message_id=_number(values.get(Tag.MESSAGE_ID, b"\0\0")),
            has_data_set=_number(values[Tag.COMMAND_DATA_SET_TYPE]) != NO_DATA_SET,
            sop_class_uid=_uid(values.get(Tag.AFFECTED_SOP_CLASS_UID, b"")),
            sop_instance_uid=_uid(values.get(Tag.AFFECTED_SOP_INSTANCE_UID, b"")),
            responded_to=_number(values.get(Tag.MESSAGE_ID_BEING_RESPONDED_TO, b"\0\0")),
            status=_number(values[Tag.STATUS]) if command_field & RESPONSE else 0,
            elements=values,
        )
    except (KeyError, struct.error, UnicodeDecodeError) as exc:
        raise ProtocolError("the command set is not valid") from exc


def _read_elements(encoded: bytes | bytearray) -> list[tuple[int, bytes]]:
    elements = []
    position = 0
    while position < len(encoded):
        if position + 8 > len(encoded):
            raise ProtocolError("the command set is truncated")
        group, element, size = _ELEMENT.unpack_from(encoded, position)
        value = bytes(encoded[position + 8 : position + 8 + size])
        if len(value) < size:
            raise ProtocolError("the command set is not valid")
        elements.append((group << 16 | element, value))
        position += 8 + size
    return elements


def _number(value: bytes) -> int:
    return int(_US.unpack(value)[0])


def _uid(value: bytes) -> str:
    return value.decode("ascii").strip(" \0")


def encode_command(values: Mapping[Tag, int | str]) -> bytes:
    """Encode a command set, its group length included; empty texts are left out."""
    elements = [_element(tag, value) for tag, value in sorted(values.items()) if value != ""]
    body = b"".join(elements)
    return _GROUP_LENGTH.pack(0, Tag.GROUP_LENGTH, _UL.size, len(body)) + body


def _element(tag: Tag, value: int | str) -> bytes:
    if isinstance(value, int):
        return _NUMBER.pack(0, tag, _US.size, value)
    encoded = value.encode("ascii", "replace")
    if len(encoded) % 2:
        encoded += b"\0" if tag in _UIDS else b" "
    return _ELEMENT.pack(0, tag, len(encoded)) + encoded
