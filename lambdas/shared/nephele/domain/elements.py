"""Data elements of an encoded data set, as a tree of slices of its bytes.

It reads what `nephele.domain.walk` has found to be whole. Values are never decoded here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from nephele.domain.character_set import PADDING
from nephele.domain.dictionary import creator_tag, is_private, is_private_creator, vr_of
from nephele.domain.explicit_vr import (
    ITEM,
    ITEM_DELIMITER,
    LONG_VRS,
    SEQUENCE_DELIMITER,
    SHORT_VRS,
    UNDEFINED_LENGTH,
    has_long_length,
)
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import BadFileFormat

ILLEGAL_VR = "??"
"""Stands for a VR that is none."""

_PIXEL_DATA = 0x7FE00010
_MAXIMUM_DEPTH = 100
_VRS = {vr: vr.decode() for vr in SHORT_VRS | LONG_VRS}


@dataclass(frozen=True, slots=True)
class Element:
    """One data element.

    Attributes
    ----------
    tag : int
        `0xggggeeee`.
    vr : str
        As written; by the dictionary in Implicit VR; `ILLEGAL_VR` where it is none.
    value : memoryview
        The encoded value with its padding; empty for sequences and fragments.
    items : tuple of DataSet, optional
        The items of a sequence.
    fragments : tuple of memoryview, optional
        Encapsulated pixel data: the offset table, then the fragments.
    creator : str
        Of private elements, who reserved the block.
    start, stop : int
        Where the whole element, with its header, stands in the bytes read.
    """

    tag: int
    vr: str
    value: memoryview
    items: tuple[DataSet, ...] | None = None
    fragments: tuple[memoryview, ...] | None = None
    creator: str = ""
    start: int = 0
    stop: int = 0


DataSet = dict[int, Element]
"""Elements by tag, in the order they stand in; of repeated ones the first."""


class _Header(NamedTuple):
    tag: int
    vr: str
    value: int
    size: int


def read_elements(data: bytes | memoryview, syntax: TransferSyntax, start: int = 0) -> DataSet:
    """Read all elements of a data set that is not deflated.

    Parameters
    ----------
    data : bytes or memoryview
        Holds the data set from `start` to its end, or to the end of a whole element.

    Raises
    ------
    BadFileFormat
        The data set is truncated or cannot be parsed.
    """
    reader = _Reader(memoryview(data), syntax)
    try:
        elements, _ = reader.data_set(start, len(data), syntax.is_implicit_vr, 0)
    except struct.error as exc:
        raise BadFileFormat("the data set ends within an element") from exc
    return elements


class _Reader:
    def __init__(self, data: memoryview, syntax: TransferSyntax) -> None:
        order = "<" if syntax.is_little_endian else ">"
        self._data = data
        self._explicit = struct.Struct(f"{order}HH2sH")
        self._long = struct.Struct(f"{order}I")
        self._implicit = struct.Struct(f"{order}HHI")

    def data_set(
        self, position: int, end: int | None, is_implicit_vr: bool, depth: int
    ) -> tuple[DataSet, int]:
        """Read elements up to `end` or a delimiter; return them and where they end."""
        elements: DataSet = {}
        creators: dict[int, str] = {}
        while end is None or position < end:
            start = position
            header = self._header(position, is_implicit_vr, creators)
            if header.tag == ITEM_DELIMITER:
                return elements, header.value
            element, position = self._element(start, header, is_implicit_vr, creators, depth)
            if is_private_creator(element.tag):
                creators[element.tag] = bytes(element.value).decode("latin-1").strip(PADDING)
            elements.setdefault(element.tag, element)
        return elements, position

    def _header(self, position: int, is_implicit_vr: bool, creators: dict[int, str]) -> _Header:
        if is_implicit_vr:
            group, number, size = self._implicit.unpack_from(self._data, position)
            tag = group << 16 | number
            creator = creators.get(creator_tag(tag), "") if group & 1 else ""
            return _Header(tag, vr_of(tag, creator), position + 8, size)
        group, number, code, size = self._explicit.unpack_from(self._data, position)
        tag = group << 16 | number
        if group == 0xFFFE:
            (size,) = self._long.unpack_from(self._data, position + 4)
            return _Header(tag, "", position + 8, size)
        vr = _VRS.get(code, ILLEGAL_VR)
        if has_long_length(code):
            (size,) = self._long.unpack_from(self._data, position + 8)
            return _Header(tag, vr, position + 12, size)
        return _Header(tag, vr, position + 8, size)

    def _element(
        self,
        start: int,
        header: _Header,
        is_implicit_vr: bool,
        creators: dict[int, str],
        depth: int,
    ) -> tuple[Element, int]:
        tag, vr, value, size = header
        creator = ""
        if is_private(tag) and not is_private_creator(tag):
            creator = creators.get(creator_tag(tag), "")
        empty = self._data[value:value]
        is_undefined = size == UNDEFINED_LENGTH
        if is_undefined and (tag == _PIXEL_DATA or vr in ("OB", "OW")):
            fragments, stop = self._fragments(value)
            vr = "OB" if is_implicit_vr else vr
            return Element(tag, vr, empty, None, fragments, creator, start, stop), stop
        if is_implicit_vr and vr == "SQ" and not is_undefined:
            return self._implicit_sequence(start, header, creator, depth)
        if is_undefined or vr == "SQ":
            items, stop = self._items(
                value, None if is_undefined else value + size, is_implicit_vr or vr == "UN", depth
            )
            return Element(tag, "SQ", empty, items, None, creator, start, stop), stop
        stop = value + size
        if stop > len(self._data):
            raise BadFileFormat("the data set ends before its last element does")
        return Element(tag, vr, self._data[value:stop], None, None, creator, start, stop), stop

    def _implicit_sequence(
        self, start: int, header: _Header, creator: str, depth: int
    ) -> tuple[Element, int]:
        """Read what the dictionary says is a sequence: it need not be one, the walk skips it."""
        tag, _, value, size = header
        stop = value + size
        if stop > len(self._data):
            raise BadFileFormat("the data set ends before its last element does")
        content = self._data[value:stop]
        try:
            items, end = self._items(value, stop, True, depth)
        except (BadFileFormat, struct.error):
            return Element(tag, "UN", content, None, None, creator, start, stop), stop
        if end != stop:
            return Element(tag, "UN", content, None, None, creator, start, stop), stop
        return Element(tag, "SQ", content[:0], items, None, creator, start, stop), stop

    def _items(
        self, position: int, end: int | None, is_implicit_vr: bool, depth: int
    ) -> tuple[tuple[DataSet, ...], int]:
        if depth >= _MAXIMUM_DEPTH:
            raise BadFileFormat(f"sequences are nested deeper than {_MAXIMUM_DEPTH}")
        items = []
        while end is None or position < end:
            tag, position, size = self._item_header(position)
            if tag == SEQUENCE_DELIMITER:
                break
            if tag != ITEM:
                raise BadFileFormat("a sequence holds something else than items")
            stop = None if size == UNDEFINED_LENGTH else position + size
            item, position = self.data_set(position, stop, is_implicit_vr, depth + 1)
            items.append(item)
        return tuple(items), position

    def _fragments(self, position: int) -> tuple[tuple[memoryview, ...], int]:
        fragments: list[memoryview] = []
        while True:
            tag, position, size = self._item_header(position)
            if tag == SEQUENCE_DELIMITER:
                return tuple(fragments), position
            if tag != ITEM or position + size > len(self._data):
                raise BadFileFormat("encapsulated pixel data are damaged")
            fragments.append(self._data[position : position + size])
            position += size

    def _item_header(self, position: int) -> tuple[int, int, int]:
        group, number, size = self._implicit.unpack_from(self._data, position)
        return group << 16 | number, position + 8, size
