"""Writing elements in another encoding, each value bit for bit what it was."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nephele.domain.dictionary import is_signedness_ambiguous
from nephele.domain.elements import ILLEGAL_VR, DataSet, Element
from nephele.domain.explicit_vr import UNDEFINED_LENGTH, has_long_length
from nephele.domain.pixel_description import PIXEL_REPRESENTATION

_SEQUENCE_DELIMITER = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
_WORD_BYTES = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OF", "OL"), 4),
    **dict.fromkeys(("FD", "OD", "SV", "UV", "OV"), 8),
}
_MAXIMUM_SHORT_LENGTH = 0xFFFE


def swap_bytes(value: bytes, width: int) -> bytes:
    """Return a value with the bytes of each word reversed; a rest shorter than a word stays."""
    whole = len(value) - len(value) % width
    swapped = bytearray(value)
    for position in range(width):
        swapped[position:whole:width] = value[width - 1 - position : whole : width]
    return bytes(swapped)


def item(content: bytes) -> bytes:
    """Encode an item, or a fragment."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


@dataclass(frozen=True, slots=True)
class ElementWriter:
    """Writes elements in Little Endian.

    Attributes
    ----------
    is_implicit_vr : bool
        Of the target.
    is_big_endian_source : bool
        Values are big endian and get swapped.
    is_implicit_source : bool
        VRs are the dictionary's: the choices it leaves are settled here.
    """

    is_implicit_vr: bool = False
    is_big_endian_source: bool = False
    is_implicit_source: bool = False

    def header(self, tag: int, vr: str, size: int) -> bytes:
        """Encode what goes in front of a value; a length too great for its VR makes it UN."""
        group, element = tag >> 16, tag & 0xFFFF
        if self.is_implicit_vr:
            return struct.pack("<HHI", group, element, size)
        code = vr.encode("ascii")
        if vr == ILLEGAL_VR or (size > _MAXIMUM_SHORT_LENGTH and not has_long_length(code)):
            code = b"UN"
        if has_long_length(code):
            return struct.pack("<HH2sHI", group, element, code, 0, size)
        return struct.pack("<HH2sH", group, element, code, size)

    def data_set(self, elements: DataSet, *, is_signed: bool = False) -> bytes:
        """Encode the elements of an item, but for group lengths, which would be wrong.

        Parameters
        ----------
        is_signed : bool
            PixelRepresentation of what is around the item; its own goes before.
        """
        own = elements.get(PIXEL_REPRESENTATION)
        if own is not None and len(own.value) >= 2:
            is_signed = 1 in bytes(own.value[:2])
        return b"".join(
            self.element(element, is_signed=is_signed)
            for element in elements.values()
            if element.tag & 0xFFFF
        )

    def element(self, element: Element, *, is_signed: bool = False) -> bytes:
        """Encode an element with all that is nested in it; sequences get a defined length."""
        if element.items is not None:
            items = (item(self.data_set(one, is_signed=is_signed)) for one in element.items)
            content = b"".join(items)
            return self.header(element.tag, "SQ", len(content)) + content
        if element.fragments is not None:
            content = b"".join(item(bytes(fragment)) for fragment in element.fragments)
            header = self.header(element.tag, element.vr, UNDEFINED_LENGTH)
            return header + content + _SEQUENCE_DELIMITER
        value = bytes(element.value)
        if self.is_big_endian_source and element.vr in _WORD_BYTES:
            value = swap_bytes(value, _WORD_BYTES[element.vr])
        value += b"\0" * (len(value) % 2)
        return self.header(element.tag, self._vr(element, is_signed), len(value)) + value

    def _vr(self, element: Element, is_signed: bool) -> str:
        if self.is_implicit_source and is_signed and is_signedness_ambiguous(element.tag):
            return "SS"
        return element.vr


def encapsulate(frames: list[bytes]) -> bytes:
    """Encode frames, one fragment each, behind a Basic Offset Table. See PS3.5 A.4.

    The table is left empty where its offsets of 32 bits do not suffice.
    """
    padded = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    offsets, position = [], 0
    for frame in padded:
        offsets.append(position)
        position += 8 + len(frame)
    fits = offsets[-1] < UNDEFINED_LENGTH
    table = struct.pack(f"<{len(offsets)}I", *offsets) if fits else b""
    return b"".join((item(table), *map(item, padded), _SEQUENCE_DELIMITER))
