"""Values of elements as text, the way Orthanc shows them."""

from __future__ import annotations

import struct

from nephele.domain.character_set import Encoding, strip_uid
from nephele.domain.dictionary import vr_of
from nephele.domain.elements import Element

TEXT_VRS: frozenset[str] = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split())

_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "OL": "I"}
_REALS = {"FL": "f", "FD": "d", "OF": "f", "OD": "d"}
_ASCII = Encoding("Ascii")


def format_value(element: Element, encoding: Encoding, *, is_little_endian: bool) -> str | None:
    """Return an element's value as Orthanc's text, None where it shows none.

    Values are joined by a backslash, leading blanks kept; reals have 17 significant digits, an AT
    shows its first value. Binary, unknown and empty numeric values have no text.
    """
    vr = element.vr
    if vr in TEXT_VRS:
        return format_text(bytes(element.value), vr, encoding)
    order = "<" if is_little_endian else ">"
    if vr in _NUMBERS or vr in _REALS:
        return _format_numbers(element.value, vr, order)
    if vr == "AT" and len(element.value) >= 4:
        return "{:04x},{:04x}".format(*struct.unpack_from(f"{order}HH", element.value))
    return _format_unknown(element, encoding) if vr == "UN" else None


def format_text(value: bytes, vr: str, encoding: Encoding) -> str:
    """Return the text of a value of a textual VR."""
    text = encoding.decode(value, is_name=vr == "PN")
    return strip_uid(text) if vr == "UI" else text


def _format_numbers(value: memoryview, vr: str, order: str) -> str | None:
    code = _NUMBERS.get(vr) or _REALS[vr]
    count = len(value) // struct.calcsize(f"{order}{code}")
    numbers = struct.unpack_from(f"{order}{count}{code}", value)
    form = "d" if vr in _NUMBERS else ".17g"
    return "\\".join(format(number, form) for number in numbers) if numbers else None


def _format_unknown(element: Element, encoding: Encoding) -> str | None:
    """Return the text of a UN value whose real VR the dictionary knows to be textual."""
    vr = vr_of(element.tag, element.creator)
    if vr not in TEXT_VRS:
        return None
    value = bytes(element.value)
    if element.creator:
        return format_text(value, vr, _ASCII) if value.isascii() else None
    return format_text(value, vr, encoding)
