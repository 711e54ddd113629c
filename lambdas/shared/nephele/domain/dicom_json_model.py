"""The DICOM JSON Model of a data set, as DICOMweb speaks it. See PS3.18 annex F."""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from nephele.domain.attributes import PIXEL_DATA, SPECIFIC_CHARACTER_SET
from nephele.domain.character_set import DefaultEncoding, Encoding, encoding_of
from nephele.domain.content import UNIT_BYTES, swap_bytes
from nephele.domain.dictionary import (
    is_private,
    is_private_creator,
    is_signedness_ambiguous,
    vr_of,
)
from nephele.domain.elements import ILLEGAL_VR, DataSet, Element
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.domain.values import TEXT_VRS, format_text

Path = tuple[int, ...]
"""Where an element stands: its tag; in a sequence that of the sequence and the index of the item,
from 0, come first."""

BulkDataUri = Callable[[Path], str]
"""Returns where the bytes of an element can be had."""

Json = dict[str, Any]

_PIXEL_REPRESENTATION = 0x00280103
_DATA_SET_TRAILING_PADDING = 0xFFFCFFFC
_PIXEL_DATA_TAGS = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})
_WHOLE_TEXTS = frozenset("LT ST UR UT".split())
_NUMBERS = {
    **{"SS": "h", "US": "H", "SL": "i", "UL": "I", "SV": "q", "UV": "Q"},
    **{"FL": "f", "FD": "d", "AT": "HH"},
}
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MOST_DIGITS = 64
_EXACT = 1 << 53
"""Whole numbers below it are exact in double precision."""


def tag_key(tag: int) -> str:
    """Return a tag as the model names it, `GGGGEEEE`."""
    return f"{tag:08X}"


def dicom_json_model(
    elements: DataSet,
    bulk_data_uri: BulkDataUri,
    *,
    syntax: TransferSyntax,
    default_encoding: DefaultEncoding = "Latin1",
    inline_bytes: int,
) -> Json:
    """Return the elements of a data set, without those of pixel data.

    Values keep their places: what is empty, or is no number where one has to be, is null there.
    Binary values are little endian. Group lengths (PS3.5 7.2), trailing padding and encapsulated
    values are left out. What is written as UN, or in Implicit VR, has the VR of the dictionary.

    Parameters
    ----------
    syntax : TransferSyntax
        The elements are encoded in it.
    inline_bytes : int
        Binary values that are longer are a `BulkDataURI`, others an `InlineBinary`.
    """
    encoding = encoding_of(_declared(elements), default_encoding)
    is_signed = _is_signed(elements, syntax, outside=False)
    return _Model(bulk_data_uri, syntax, inline_bytes, encoding, is_signed).data_set(elements)


def _declared(elements: DataSet) -> bytes | None:
    """Return the character set that a data set or an item declares."""
    declared = elements.get(SPECIFIC_CHARACTER_SET)
    return None if declared is None else bytes(declared.value).strip(b" \0") or None


def _is_signed(elements: DataSet, syntax: TransferSyntax, *, outside: bool) -> bool:
    """Tell whether pixels are signed, as Pixel Representation of a data set or an item says."""
    told = elements.get(_PIXEL_REPRESENTATION)
    if told is None or len(told.value) < 2:
        return outside
    return told.value[0 if syntax.is_little_endian else 1] == 1


@dataclass(frozen=True, slots=True)
class _Model:
    bulk_data_uri: BulkDataUri
    syntax: TransferSyntax
    inline_bytes: int
    encoding: Encoding
    is_signed: bool

    def data_set(self, elements: DataSet, path: Path = ()) -> Json:
        """Return the model of a data set or an item, tags ascending."""
        shown = (elements[tag] for tag in sorted(elements) if _is_shown(elements[tag], path))
        return {tag_key(one.tag): self._attribute(one, (*path, one.tag)) for one in shown}

    def _attribute(self, element: Element, path: Path) -> Json:
        if element.items is not None:
            return _filled("SQ", [self._item(*one, path) for one in enumerate(element.items)])
        vr = self._vr(element)
        if vr in TEXT_VRS:
            return _filled(vr, list(_texts(bytes(element.value), vr, self.encoding)))
        if vr in _NUMBERS:
            is_little_endian = self.syntax.is_little_endian or element.vr == "UN"
            return _filled(vr, _numbers(element.value, vr, "<" if is_little_endian else ">"))
        return {"vr": vr} | self._binary(element, vr, path)

    def _vr(self, element: Element) -> str:
        """Return the VR to read a value by: it is not always written. See PS3.5 6.2.2."""
        tag, vr = element.tag, "UN" if element.vr == ILLEGAL_VR else element.vr
        if vr == "US" and self.syntax.is_implicit_vr and is_signedness_ambiguous(tag):
            return "SS" if self.is_signed else "US"
        if vr != "UN" or (is_private(tag) and not is_private_creator(tag)):
            return vr
        known = vr_of(tag)
        return known if known in TEXT_VRS or known in _NUMBERS else vr

    def _item(self, index: int, item: DataSet, path: Path) -> Json:
        declared = _declared(item)
        encoding = self.encoding if declared is None else encoding_of(declared)
        is_signed = _is_signed(item, self.syntax, outside=self.is_signed)
        inside = replace(self, encoding=encoding, is_signed=is_signed)
        return inside.data_set(item, (*path, index))

    def _binary(self, element: Element, vr: str, path: Path) -> Json:
        size = len(element.value)
        if size > self.inline_bytes:
            return {"BulkDataURI": self.bulk_data_uri(path)}
        if not size:
            return {}
        value, unit = bytes(element.value), UNIT_BYTES.get(vr, 1)
        if not self.syntax.is_little_endian and unit > 1:
            value = swap_bytes(value, unit)
        return {"InlineBinary": base64.b64encode(value).decode("ascii")}


def _is_shown(element: Element, path: Path) -> bool:
    tag = element.tag
    is_group_length = tag & 0xFFFF == 0
    is_pixel_data = not path and tag in _PIXEL_DATA_TAGS
    is_left_out = is_group_length or is_pixel_data or tag == _DATA_SET_TRAILING_PADDING
    return not is_left_out and element.fragments is None


def _filled(vr: str, values: list[Any]) -> Json:
    """Return an attribute; without a single value it has no `Value` either. See PS3.18 F.2.5."""
    return {"vr": vr, "Value": values} if any(one is not None for one in values) else {"vr": vr}


def _texts(encoded: bytes, vr: str, encoding: Encoding) -> Iterator[Any]:
    text = format_text(encoded, vr, encoding)
    for value in [text] if vr in _WHOLE_TEXTS else text.split("\\"):
        if vr == "PN":
            yield _person_name(value)
        elif vr in ("DS", "IS"):
            yield _number(value, is_whole=vr == "IS")
        else:
            yield value or None


def _person_name(text: str) -> Json | None:
    """Return the component groups that are not empty. See PS3.18 F.2.2."""
    groups = zip(_GROUPS, text.split("=", 2), strict=False)
    return {name: group.rstrip() for name, group in groups if group.strip()} or None


def _number(text: str, *, is_whole: bool) -> int | float | None:
    """Return the number a DS or IS value is, None where it is none."""
    text = text.strip()
    if len(text) > _MOST_DIGITS or not _DECIMAL.fullmatch(text):
        return None
    if text.lstrip("+-").isdecimal():
        return int(text)
    number = _finite(float(text))
    return None if is_whole and not isinstance(number, int) else number


def _finite(number: float) -> int | float | None:
    """Return a number as JSON has it, a whole one without decimals; None for NaN and infinity."""
    if not math.isfinite(number):
        return None
    return int(number) if abs(number) < _EXACT and number == int(number) else number


def _numbers(value: memoryview, vr: str, order: str) -> list[Any]:
    """Return the numbers, or tags, of a value; an incomplete one at its end is left out."""
    one = struct.Struct(order + _NUMBERS[vr])
    found = one.iter_unpack(value[: len(value) // one.size * one.size])
    if vr == "AT":
        return [f"{group:04X}{number:04X}" for group, number in found]
    return [_finite(number) if vr in ("FL", "FD") else number for (number,) in found]
