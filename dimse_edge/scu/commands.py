"""Command sets of every service, as values by element: written and read. See PS3.7 E.1."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from dimse_edge import command
from dimse_edge.command import NO_DATA_SET, ProtocolError, read_elements

HAS_DATA_SET = 0x0001
MEDIUM_PRIORITY = 0x0000


class Field(IntEnum):
    """Command Field (0000,0100) of the requests; a response has the highest bit besides."""

    C_STORE = command.C_STORE_RQ
    C_GET = command.C_GET_RQ
    C_FIND = command.C_FIND_RQ
    C_MOVE = command.C_MOVE_RQ
    C_ECHO = command.C_ECHO_RQ
    N_EVENT_REPORT = command.N_EVENT_REPORT_RQ
    N_ACTION = command.N_ACTION_RQ
    C_CANCEL = command.C_CANCEL_RQ


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


_ELEMENT = struct.Struct("<HHI")
_US = struct.Struct("<H")
_UL = struct.Struct("<I")
_UIDS = frozenset(
    {
        Tag.AFFECTED_SOP_CLASS_UID,
        Tag.REQUESTED_SOP_CLASS_UID,
        Tag.AFFECTED_SOP_INSTANCE_UID,
        Tag.REQUESTED_SOP_INSTANCE_UID,
    }
)


@dataclass(frozen=True, slots=True)
class CommandSet:
    """The elements of a command that has come, by number."""

    values: Mapping[int, bytes]

    @property
    def field(self) -> int:
        """Return the Command Field."""
        return self.number(Tag.COMMAND_FIELD)

    @property
    def status(self) -> int:
        """Return the status of a response."""
        return self.number(Tag.STATUS)

    @property
    def has_data_set(self) -> bool:
        """Tell whether a data set follows."""
        return self.number(Tag.COMMAND_DATA_SET_TYPE, NO_DATA_SET) != NO_DATA_SET

    @property
    def comment(self) -> str:
        """Return the Error Comment, printable characters only."""
        text = self.text(Tag.ERROR_COMMENT)
        return "".join(character for character in text if character.isprintable())

    def number(self, tag: Tag, default: int | None = None) -> int:
        """Return a number.

        Raises
        ------
        ProtocolError
            It is not there, where no default is given, or is no number.
        """
        value = self.values.get(tag, b"")
        if len(value) >= _US.size:
            return int(_US.unpack_from(value)[0])
        if default is None:
            raise ProtocolError(f"the command lacks its {tag.name.replace('_', ' ').lower()}")
        return default

    def text(self, tag: Tag) -> str:
        """Return a text or a UID without its padding, empty where it is not there."""
        return self.values.get(tag, b"").decode("ascii", "replace").strip(" \0")


def encode_command(values: Mapping[Tag, int | str]) -> bytes:
    """Encode a command set, its group length included; empty texts are left out."""
    body = b"".join(
        _element(tag, _encoded(tag, value)) for tag, value in sorted(values.items()) if value != ""
    )
    return _element(Tag.GROUP_LENGTH, _UL.pack(len(body))) + body


def _encoded(tag: Tag, value: int | str) -> bytes:
    if isinstance(value, int):
        return _US.pack(value)
    encoded = value.encode("ascii", "replace")
    padding = b"\0" if tag in _UIDS else b" "
    return encoded + padding if len(encoded) % 2 else encoded


def _element(tag: Tag, value: bytes) -> bytes:
    return _ELEMENT.pack(0, tag, len(value)) + value


def decode_command(encoded: bytes | bytearray) -> CommandSet:
    """Decode a command set.

    Raises
    ------
    ProtocolError
        It is truncated, or holds something else than group 0000.
    """
    return CommandSet(dict(read_elements(encoded)))
