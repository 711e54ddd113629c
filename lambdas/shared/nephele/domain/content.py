"""Going down a path into a data set: `/instances/{id}/content/{tag}/{index}/{tag}…`."""

from __future__ import annotations

from collections.abc import Sequence

from nephele.domain.dictionary import parse_tag
from nephele.domain.elements import DataSet, Element
from nephele.errors import BadRequest

UNIT_BYTES = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OL", "OF"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Sizes of binary numbers, whose bytes are in the order of the data set."""

_MOST_DIGITS = 9

Content = bytes | list[str]
"""The bytes of a value, or the names of what is one level further down."""


def tag_name(tag: int) -> str:
    """Return a tag as paths have it, `gggg-eeee`."""
    return f"{tag >> 16:04x}-{tag & 0xFFFF:04x}"


def path_tag(name: str) -> int:
    """Return the tag a part of a path names.

    Raises
    ------
    BadRequest
        It names none.
    """
    tag = parse_tag(name)
    if tag is None:
        raise BadRequest("Unknown DICOM tag")
    return tag


def find_content(
    elements: DataSet, path: Sequence[str], *, is_little_endian: bool = True
) -> Content | None:
    """Return what a path leads to, None where it leads nowhere.

    Tags and indexes of items alternate. An item and the empty path give the tags of their
    elements; a sequence the indexes of its items; any other element its bytes, padding included,
    binary numbers in little endian.

    Raises
    ------
    BadRequest
        A part of the path is to be a tag and is none.
    """
    if not path:
        return [tag_name(tag) for tag in elements]
    element = elements.get(path_tag(path[0]))
    if element is None:
        return None
    if element.items is None:
        return _value(element, is_little_endian) if len(path) == 1 else None
    if len(path) == 1:
        return [str(position) for position in range(len(element.items))]
    item = _item(element, path[1])
    if item is None:
        return None
    return find_content(item, path[2:], is_little_endian=is_little_endian)


def _item(element: Element, index: str) -> DataSet | None:
    items = element.items or ()
    is_number = index.isascii() and index.isdecimal() and len(index) <= _MOST_DIGITS
    return items[int(index)] if is_number and int(index) < len(items) else None


def _value(element: Element, is_little_endian: bool) -> bytes:
    value = bytes(element.value)
    unit = UNIT_BYTES.get(element.vr, 1)
    return value if is_little_endian or unit == 1 else swap_bytes(value, unit)


def swap_bytes(value: bytes, unit_bytes: int) -> bytes:
    """Return numbers in the other byte order; an incomplete one at the end is left out."""
    swapped = bytearray(value[: len(value) // unit_bytes * unit_bytes])
    for place in range(unit_bytes):
        swapped[place::unit_bytes] = value[unit_bytes - 1 - place : len(swapped) : unit_bytes]
    return bytes(swapped)
