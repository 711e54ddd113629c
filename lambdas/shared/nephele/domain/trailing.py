"""What stands behind the pixel data of a file, reached without reading the pixels."""

from __future__ import annotations

import struct
from typing import BinaryIO

from nephele.domain.explicit_vr import UNDEFINED_LENGTH
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import BadFileFormat

_ITEM = 0xFFFEE000
_SEQUENCE_DELIMITER = 0xFFFEE0DD
_MAXIMUM_BYTES = 64 << 20


def read_behind_pixel_data(file: BinaryIO, syntax: TransferSyntax, offset: int) -> bytes:
    """Return the encoded elements behind the pixel data of a file that is not deflated.

    Parameters
    ----------
    offset : int
        Where the pixel data element begins in the file.

    Raises
    ------
    BadFileFormat
        The pixel data are damaged, or what stands behind them is above 64 MiB.
    """
    value, size = pixel_data_value(file, syntax, offset)
    end = value + size if size != UNDEFINED_LENGTH else _end_of_fragments(file, value)
    file.seek(end)
    elements = file.read(_MAXIMUM_BYTES + 1)
    if len(elements) > _MAXIMUM_BYTES:
        raise BadFileFormat("there is too much behind the pixel data")
    return elements


def pixel_data_value(file: BinaryIO, syntax: TransferSyntax, offset: int) -> tuple[int, int]:
    """Return where the value of the pixel data begins, and its length as written."""
    order = "<" if syntax.is_little_endian else ">"
    file.seek(offset)
    header = file.read(12)
    at = 4 if syntax.is_implicit_vr else 8
    if len(header) < at + 4:
        raise BadFileFormat("the file ends within the pixel data")
    return offset + at + 4, struct.unpack_from(f"{order}I", header, at)[0]


def fragments(file: BinaryIO, value: int) -> list[tuple[int, int]]:
    """Return offset and size of each item of encapsulated pixel data, the offset table's first."""
    found, position = [], value
    while (item := _item(file, position)) is not None:
        found.append((position + 8, item))
        position += 8 + item
    return found


def _end_of_fragments(file: BinaryIO, value: int) -> int:
    """Return where encapsulated pixel data end; the offset table spares most of the way."""
    position = _last_frame(file, value)
    while (size := _item(file, position)) is not None:
        position += 8 + size
    return position + 8


def _last_frame(file: BinaryIO, value: int) -> int:
    """Return the item the last frame begins with, the first item where no table tells."""
    size = _item(file, value)
    if not size or size % 4:
        return value
    (last,) = struct.unpack("<I", file.read(size)[-4:].rjust(4, b"\0"))
    position: int = value + 8 + size + last
    file.seek(position)
    return position if file.read(4) == b"\xfe\xff\x00\xe0" else value


def _item(file: BinaryIO, position: int) -> int | None:
    """Return the size of the item at a position, None at the end of all items."""
    file.seek(position)
    header = file.read(8)
    if len(header) < 8:
        raise BadFileFormat("encapsulated pixel data are truncated")
    group, number, size = struct.unpack("<HHI", header)
    tag = group << 16 | number
    if tag == _SEQUENCE_DELIMITER:
        return None
    if tag != _ITEM:
        raise BadFileFormat("encapsulated pixel data are damaged")
    return int(size)
