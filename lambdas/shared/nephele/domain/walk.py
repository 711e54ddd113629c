"""Walking the element headers of an encoded data set to its very end, in bounded memory.

Values are skipped, not read, but for the few that are wanted. The rules of leniency are DCMTK's,
as Orthanc shows them: unknown VRs, odd lengths, unordered and repeated tags (the first counts) and
nested lengths that are a little off are tolerated; what runs past the end is not.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from nephele.domain import attributes
from nephele.domain.explicit_vr import (
    ITEM,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    SHORT_VRS,
    UNDEFINED_LENGTH,
    has_long_length,
)
from nephele.domain.inflate import InflatingReader
from nephele.domain.transfer_syntax import TransferSyntax, transfer_syntax
from nephele.domain.window import BLOCK, Window
from nephele.errors import BadFileFormat

IDENTIFYING: frozenset[int] = frozenset(
    {
        attributes.SPECIFIC_CHARACTER_SET,
        attributes.SOP_CLASS_UID,
        attributes.SOP_INSTANCE_UID,
        attributes.PATIENT_ID,
        attributes.STUDY_INSTANCE_UID,
        attributes.SERIES_INSTANCE_UID,
    }
)
"""The elements that say which instance a data set is."""

PIXEL_DATA_TAGS: frozenset[int] = frozenset({0x7FE00008, 0x7FE00009, attributes.PIXEL_DATA})
"""Float, Double Float and plain Pixel Data: what is not header."""

_MAXIMUM_DEPTH = 100
_MAXIMUM_WANTED_BYTES = 1 << 20
_FRAGMENT_BLOCK = 1 << 10


@dataclass(frozen=True, slots=True)
class Walk:
    """What was met on the way through a data set.

    Attributes
    ----------
    values : dict
        Raw bytes of the wanted elements of the top level, by tag; absent ones are missing.
    pixel_data_offset : int or None
        Offset in the file of the pixel data element (its tag); None if there is none or the data
        set is deflated.
    pixel_data_vr : str or None
        Its VR as written, None in Implicit VR.
    has_pixel_data : bool
        One of the three kinds of pixel data is there.
    header_end_offset : int
        Where the header ends: at the first of the three kinds of pixel data, else at the end. In
        a deflated data set it counts inflated bytes.
    end_offset : int
        Where the walk ended, counted likewise.
    """

    values: dict[int, bytes]
    pixel_data_offset: int | None
    pixel_data_vr: str | None
    has_pixel_data: bool
    header_end_offset: int
    end_offset: int


def walk_data_set(
    file: BinaryIO,
    transfer_syntax_uid: str,
    wanted: frozenset[int] = IDENTIFYING,
    *,
    stop_at_pixel_data: bool = False,
) -> Walk:
    """Walk a data set from the file's position to its end.

    Parameters
    ----------
    file : BinaryIO
        Seekable, positioned at the first element.
    transfer_syntax_uid : str
        The syntax the data set is encoded in.
    wanted : frozenset of int
        Tags of the top-level elements whose values are returned.
    stop_at_pixel_data : bool
        End at the pixel data, of which not a byte has to be there.

    Raises
    ------
    BadFileFormat
        The data set is truncated or cannot be parsed.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    start = file.tell()
    if syntax.is_deflated:
        inflater = InflatingReader(file)
        walker = _Walker(Window(inflater, 0, None), syntax, wanted, stop_at_pixel_data)
        walker.run(0)
        if walker.is_at_end and not inflater.is_complete:
            raise BadFileFormat("the deflated data set is truncated")
        return walker.result(is_deflated=True)
    size = file.seek(0, os.SEEK_END)
    file.seek(start)
    walker = _Walker(Window(file, start, size), syntax, wanted, stop_at_pixel_data)
    walker.run(start)
    return walker.result(is_deflated=False)


class _Level(NamedTuple):
    """A sequence or a data set the walk is in; `end` is None where a delimiter ends it."""

    is_sequence: bool
    end: int | None
    is_implicit_vr: bool


class _Walker:
    """One walk: the loop, and what it has found."""

    def __init__(
        self, window: Window, syntax: TransferSyntax, wanted: frozenset[int], stops: bool
    ) -> None:
        order = "<" if syntax.is_little_endian else ">"
        self._window = window
        self._wanted = wanted
        self._stops = stops
        self._short = struct.Struct(f"{order}HH2sH")
        self._long = struct.Struct(f"{order}I")
        self._implicit = struct.Struct(f"{order}HHI")
        self._levels = [_Level(False, None, syntax.is_implicit_vr)]
        self._values: dict[int, bytes] = {}
        self._pixel_data: tuple[int, str | None] | None = None
        self._header_end: int | None = None
        self._end = 0
        self.is_stopped = False
        self.is_at_end = False

    def result(self, *, is_deflated: bool) -> Walk:
        """Return what was found, offsets in the file left out where they would mean nothing."""
        offset, vr = self._pixel_data or (None, None)
        return Walk(
            values=self._values,
            pixel_data_offset=None if is_deflated else offset,
            pixel_data_vr=vr,
            has_pixel_data=self._header_end is not None,
            header_end_offset=self._end if self._header_end is None else self._header_end,
            end_offset=self._end,
        )

    def run(self, position: int) -> None:
        """Walk from a position to the end."""
        while not self.is_stopped:
            level = self._levels[-1]
            if level.end is not None and position >= level.end:
                self._levels.pop()
            elif level.is_sequence:
                position = self._item(position, level)
            else:
                position = self._elements(position, level)
        self._end = position

    def _elements(self, position: int, level: _Level) -> int:
        """Pass over elements until one opens, or the level ends; the loop that costs."""
        window, wanted, is_top = self._window, self._wanted, len(self._levels) == 1
        unpack = (self._implicit if level.is_implicit_vr else self._short).unpack_from
        base, data, end = window.base, window.data, level.end
        vr, size = b"", 0
        while end is None or position < end:
            index = position - base
            if index + 12 > len(data):
                if window.fill(position, 12) < 8:
                    return self._finish(position, len(window.data), is_top)
                base, data, index = position, window.data, 0
            if level.is_implicit_vr:
                group, element, size = unpack(data, index)
                value = position + 8
            else:
                group, element, vr, size = unpack(data, index)
                value = position + 8
                if vr not in SHORT_VRS and (group == 0xFFFE or has_long_length(vr)):
                    value, size = self._long_length(position, group)
            tag = group << 16 | element
            if size == UNDEFINED_LENGTH or vr == b"SQ" or group >= 0x7FE0:
                return self._open(position, tag, vr, value, size, level)
            if is_top and tag in wanted and tag not in self._values:
                self._read(tag, value, size)
                base, data = window.base, window.data
            position = value + size
            if position > base + len(data):
                window.check(position)
        return position

    def _finish(self, position: int, available: int, is_top: bool) -> int:
        """End the walk at the end of the file, if it may end there."""
        if available or not is_top:
            raise BadFileFormat("the data set ends within an element")
        self.is_stopped = self.is_at_end = True
        return position

    def _long_length(self, position: int, group: int) -> tuple[int, int]:
        """Return where the value begins and its length, of an element with 32 bits of it."""
        at = position + (4 if group == 0xFFFE else 8)
        window = self._window
        if at + 4 > window.base + len(window.data):
            raise BadFileFormat("the data set ends within an element")
        (size,) = self._long.unpack_from(window.data, at - window.base)
        return at + 4, size

    def _read(self, tag: int, value: int, size: int) -> None:
        """Keep a wanted value."""
        if size > _MAXIMUM_WANTED_BYTES:
            if tag in IDENTIFYING:
                raise BadFileFormat(f"({attributes.tag_of(tag)}) is too long")
            return
        window = self._window
        window.check(value + size)
        if value + size > window.base + len(window.data) and window.fill(value, size + 12) < size:
            raise BadFileFormat("the data set ends within an element")
        index = value - window.base
        self._values[tag] = window.data[index : index + size]

    def _open(
        self, position: int, tag: int, vr: bytes, value: int, size: int, level: _Level
    ) -> int:
        """Pass an element that is more than a value: nested, undefined, pixel data, delimiter."""
        is_top = len(self._levels) == 1
        if tag == ITEM_DELIMITER:
            return self._close_item(value, is_top)
        if is_top and tag in PIXEL_DATA_TAGS:
            self._meet_pixel_data(position, tag, None if level.is_implicit_vr else vr)
            if self.is_stopped:
                return position
        if size != UNDEFINED_LENGTH and vr != b"SQ":
            if tag >> 16 == 0xFFFE:
                raise BadFileFormat("an item stands outside of a sequence")
            self._window.check(value + size)
            return value + size
        if tag == attributes.PIXEL_DATA or vr in (b"OB", b"OW"):
            return self._skip_fragments(value)
        if not (level.is_implicit_vr or vr in (b"SQ", b"UN")):
            raise BadFileFormat(f"({attributes.tag_of(tag)}) may not have an undefined length")
        return self._enter(value, size, level.is_implicit_vr or vr == b"UN")

    def _enter(self, value: int, size: int, is_implicit_vr: bool) -> int:
        """Enter a sequence."""
        if len(self._levels) > 2 * _MAXIMUM_DEPTH:
            raise BadFileFormat(f"sequences are nested deeper than {_MAXIMUM_DEPTH}")
        end = None if size == UNDEFINED_LENGTH else value + size
        self._window.check(value if end is None else end)
        self._levels.append(_Level(True, end, is_implicit_vr))
        return value

    def _close_item(self, position: int, is_top: bool) -> int:
        """Leave an item at its delimiter; a stray one at the top ends the data set."""
        if not is_top:
            self._levels.pop()
            return position
        self.is_stopped = True
        return position

    def _meet_pixel_data(self, position: int, tag: int, vr: bytes | None) -> None:
        if self._header_end is None:
            self._header_end = position
        if tag == attributes.PIXEL_DATA and self._pixel_data is None:
            self._pixel_data = (position, None if vr is None else vr.decode("latin-1"))
        self.is_stopped = self._stops

    def _item(self, position: int, level: _Level) -> int:
        """Enter the next item of a sequence, or leave the sequence at its delimiter."""
        tag, value, size = self._item_header(position, BLOCK)
        if tag == SEQUENCE_DELIMITER:
            self._levels.pop()
        elif tag == ITEM:
            end = None if size == UNDEFINED_LENGTH else value + size
            self._window.check(value if end is None else end)
            self._levels.append(_Level(False, end, level.is_implicit_vr))
        else:
            raise BadFileFormat("a sequence holds something else than items")
        return value

    def _skip_fragments(self, position: int) -> int:
        """Pass encapsulated pixel data up to and with its delimiter. See PS3.5 A.4."""
        while True:
            tag, value, size = self._item_header(position, _FRAGMENT_BLOCK)
            if tag == SEQUENCE_DELIMITER:
                return value
            if tag != ITEM or size == UNDEFINED_LENGTH:
                raise BadFileFormat("encapsulated pixel data hold something else than fragments")
            position = value + size
            self._window.check(position)

    def _item_header(self, position: int, block: int) -> tuple[int, int, int]:
        window = self._window
        if position + 8 > window.base + len(window.data) and window.fill(position, 8, block) < 8:
            raise BadFileFormat("the data set ends within a sequence")
        group, element, size = self._implicit.unpack_from(window.data, position - window.base)
        return group << 16 | element, position + 8, size
