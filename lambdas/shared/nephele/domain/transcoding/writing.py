"""Writing elements in another encoding, each value bit for bit what it was."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nephele.domain.dictionary import is_signedness_ambiguous
from nephele.domain.elements import ILLEGAL_VR, DataSet, Element
from nephele.domain.explicit_vr import UNDEFINED_LENGTH, has_long_length
from nephele.domain.pixel_description import PIXEL_REPRESENTATION

ITEM_HEADER_BYTES = 8
_WORD_BYTES = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OF", "OL"), 4),
    **dict.fromkeys(("FD", "OD", "SV", "UV", "OV"), 8),
}
_MAXIMUM_SHORT_LENGTH = 0xFFFE


def word_bytes(vr: str) -> int:
    """Return how many bytes of a value change places with the byte order; 1 for none."""
    return _WORD_BYTES.get(vr, 1)


def swap_bytes(value: bytes, width: int) -> bytes:
    """Return a value with the bytes of each word reversed; a rest shorter than a word stays."""
    whole = len(value) - len(value) % width
    swapped = bytearray(value)
    for position in range(width):
        swapped[position:whole:width] = value[width - 1 - position : whole : width]
    return bytes(swapped)


def item_header(size: int) -> bytes:
    """Encode what goes in front of an item, or of a fragment, in Little Endian."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, size)


@dataclass(frozen=True, slots=True)
class ElementWriter:
    """Writes elements.

    Attributes
    ----------
    is_implicit_vr, is_big_endian : bool
        Of the target.
    is_swapped : bool
        Values come in the other byte order.
    is_implicit_source : bool
        VRs are the dictionary's: the choices it leaves are settled here.
    """

    is_implicit_vr: bool = False
    is_big_endian: bool = False
    is_swapped: bool = False
    is_implicit_source: bool = False

    def header(self, tag: int, vr: str, size: int) -> bytes:
        """Encode what goes in front of a value; a length too great for its VR makes it UN."""
        order = ">" if self.is_big_endian else "<"
        group, element = tag >> 16, tag & 0xFFFF
        if self.is_implicit_vr:
            return struct.pack(f"{order}HHI", group, element, size)
        code = vr.encode("ascii")
        if vr == ILLEGAL_VR or (size > _MAXIMUM_SHORT_LENGTH and not has_long_length(code)):
            code = b"UN"
        if has_long_length(code):
            return struct.pack(f"{order}HH2sHI", group, element, code, 0, size)
        return struct.pack(f"{order}HH2sH", group, element, code, size)

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
            items = [self.data_set(one, is_signed=is_signed) for one in element.items]
            content = b"".join(part for one in items for part in (self._item(len(one)), one))
            return self.header(element.tag, "SQ", len(content)) + content
        if element.fragments is not None:
            parts = [self.header(element.tag, element.vr, UNDEFINED_LENGTH)]
            for fragment in element.fragments:
                parts += (self._item(len(fragment)), bytes(fragment))
            return b"".join((*parts, self.sequence_delimiter()))
        value = bytes(element.value)
        if self.is_swapped:
            value = swap_bytes(value, word_bytes(element.vr))
        value += b"\0" * (len(value) % 2)
        return self.header(element.tag, self._vr(element, is_signed), len(value)) + value

    def sequence_delimiter(self) -> bytes:
        """Encode what ends a sequence of undefined length, fragments among them."""
        return struct.pack(">HHI" if self.is_big_endian else "<HHI", 0xFFFE, 0xE0DD, 0)

    def _item(self, size: int) -> bytes:
        order = ">" if self.is_big_endian else "<"
        return struct.pack(f"{order}HHI", 0xFFFE, 0xE000, size)

    def _vr(self, element: Element, is_signed: bool) -> str:
        if self.is_implicit_source and is_signed and is_signedness_ambiguous(element.tag):
            return "SS"
        return element.vr
