"""Answers of a query, encoded: small data sets, many of them, made of texts.

pydicom's writer takes half a millisecond for each; an answer of a thousand takes that long again.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nephele.domain.attributes import number_of
from nephele.domain.character_set import Encoding
from nephele.domain.dicom_json import Json
from nephele.domain.dictionary import vr_of
from nephele.domain.explicit_vr import ITEM, has_long_length
from nephele.domain.transfer_syntax import TransferSyntax

_ENCODED_VRS = frozenset("LO LT PN SH ST UC UT".split())
"""Those whose characters Specific Character Set is about. See PS3.5 6.1.2.2."""
_PLAIN_VRS = frozenset("AE AS CS DA DS DT IS TM UI UR".split())
_INTEGERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q"}
_REALS = {"FL": "f", "FD": "d"}
_LONGEST_SHORT_BYTES = 0xFFFE


class Answered(NamedTuple):
    """One element of an answer: a text (values joined by a backslash), or items of a sequence."""

    vr: str
    value: str | Sequence[Answer] = ""


Answer = Mapping[int, Answered]
"""Elements by tag, in any order."""


def answered(vr: str, value: str | Sequence[Json] | None) -> Answered:
    """Return an element of an answer from Orthanc's short JSON."""
    if value is None:
        return Answered(vr, () if vr == "SQ" else "")
    if isinstance(value, str):
        return Answered(vr, value)
    return Answered("SQ", [answer_of(item) for item in value])


def answer_of(data_set: Json) -> Answer:
    """Return a data set, or an item, from Orthanc's short JSON."""
    numbers = {number_of(tag): value for tag, value in data_set.items()}
    return {number: answered(vr_of(number), value) for number, value in numbers.items()}


class AnswerWriter:
    """Encodes answers in one transfer syntax and one character set.

    Answers of one query have the same tags, and many of the same elements: the beginning of an
    element is kept by tag, and the last element whole.
    """

    def __init__(self, syntax: TransferSyntax, encoding: Encoding) -> None:
        self._encoding = encoding
        self._is_implicit = syntax.is_implicit_vr
        order = "<" if syntax.is_little_endian else ">"
        self._order = order
        self._implicit = struct.Struct(f"{order}HHI")
        self._tag = struct.Struct(f"{order}HH")
        self._short = struct.Struct(f"{order}H")
        self._long = struct.Struct(f"{order}I")
        self._heads: dict[tuple[int, str], tuple[bytes, struct.Struct]] = {}
        self._last: dict[int, tuple[Answered, bytes]] = {}

    def encode(self, answer: Answer) -> bytes:
        """Encode an answer; values that their VR cannot hold are left empty."""
        encoded = []
        for tag in sorted(answer):
            element = answer[tag]
            last = self._last.get(tag)
            if last is None or last[0] != element:
                last = self._last[tag] = element, self._element(tag, element)
            encoded.append(last[1])
        return b"".join(encoded)

    def _element(self, tag: int, element: Answered) -> bytes:
        vr = element.vr if len(element.vr) == 2 else "UN"
        value = self._value(vr, element.value)
        head = self._heads.get((tag, vr))
        if head is None:
            head = self._heads[tag, vr] = self._head(tag, vr)
        begin, length = head
        if length is self._short and len(value) > _LONGEST_SHORT_BYTES:
            value = b""
        return begin + length.pack(len(value)) + value

    def _head(self, tag: int, vr: str) -> tuple[bytes, struct.Struct]:
        """Return what an element begins with, and how its length is written behind that."""
        begin = self._tag.pack(tag >> 16, tag & 0xFFFF)
        if self._is_implicit:
            return begin, self._long
        code = vr.encode("ascii", "replace")
        if has_long_length(code):
            return begin + code + b"\0\0", self._long
        return begin + code, self._short

    def _value(self, vr: str, value: str | Sequence[Answer]) -> bytes:
        if not isinstance(value, str):
            return b"".join(map(self._item, value))
        if vr in _ENCODED_VRS:
            encoded = self._encoding.encode(value)
        elif vr in _PLAIN_VRS:
            encoded = value.encode("ascii", "ignore")
        else:
            return self._numbers(vr, value)
        if len(encoded) % 2:
            encoded += b"\0" if vr == "UI" else b" "
        return encoded

    def _numbers(self, vr: str, value: str) -> bytes:
        texts = value.split("\\") if value else []
        try:
            if vr in _INTEGERS:
                return struct.pack(f"{self._order}{len(texts)}{_INTEGERS[vr]}", *map(int, texts))
            if vr in _REALS:
                return struct.pack(f"{self._order}{len(texts)}{_REALS[vr]}", *map(float, texts))
            if vr == "AT":
                return b"".join(
                    struct.pack(f"{self._order}HH", *(int(part, 16) for part in text.split(",")))
                    for text in texts
                )
        except (ValueError, struct.error, OverflowError):
            return b""
        return b""

    def _item(self, answer: Answer) -> bytes:
        encoded = self.encode(answer)
        return self._implicit.pack(ITEM >> 16, ITEM & 0xFFFF, len(encoded)) + encoded
