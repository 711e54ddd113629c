"""Character sets with code extensions: texts that switch sets by escape sequences.

See PS3.3 C.12.1.1.2, PS3.5 6.1.2 and ISO/IEC 2022: bytes below 0x80 are read with the set that is
designated as G0, the others with the one that is G1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_ESCAPE = 0x1B
_BLANK = 0x20
_CONTROLS = b"\t\n\f\r"
_DELIMITERS = b"\\"
_NAME_DELIMITERS = b"\\^="


@dataclass(frozen=True, slots=True)
class CodeElement:
    """A set of graphic characters.

    Attributes
    ----------
    codec : str
        Python's codec that has its characters.
    width : int
        Bytes of one character.
    prefix : bytes
        What the codec wants in front of a character of this set.
    """

    codec: str
    width: int = 1
    prefix: bytes = b""


_ASCII = CodeElement("ascii")
_KATAKANA = CodeElement("shift_jis")
_KANJI = CodeElement("euc_jp", 2)
_MORE_KANJI = CodeElement("euc_jp", 2, b"\x8f")
_KOREAN = CodeElement("euc_kr", 2)
_CHINESE = CodeElement("gb2312", 2)

_TABLE: tuple[tuple[str, bytes, int, CodeElement], ...] = (
    ("6", b"(B", 0, _ASCII),
    ("13", b"(J", 0, _ASCII),
    ("13", b")I", 1, _KATAKANA),
    ("100", b"-A", 1, CodeElement("iso8859_1")),
    ("101", b"-B", 1, CodeElement("iso8859_2")),
    ("109", b"-C", 1, CodeElement("iso8859_3")),
    ("110", b"-D", 1, CodeElement("iso8859_4")),
    ("144", b"-L", 1, CodeElement("iso8859_5")),
    ("127", b"-G", 1, CodeElement("iso8859_6")),
    ("126", b"-F", 1, CodeElement("iso8859_7")),
    ("138", b"-H", 1, CodeElement("iso8859_8")),
    ("148", b"-M", 1, CodeElement("iso8859_9")),
    ("203", b"-b", 1, CodeElement("iso8859_15")),
    ("166", b"-T", 1, CodeElement("tis_620")),
    ("87", b"$B", 0, _KANJI),
    ("159", b"$(D", 0, _MORE_KANJI),
    ("149", b"$)C", 1, _KOREAN),
    ("58", b"$)A", 1, _CHINESE),
)
"""Registration, escape sequence behind ESC, 0 or 1 for G0 or G1, and the set it designates.

See PS3.3 tables C.12-3 and C.12-4.
"""

_BY_ESCAPE = {escape: (place, element) for _, escape, place, element in _TABLE}
_FIRST_G1 = {number: element for number, _, place, element in _TABLE if place == 1}
_LONGEST_ESCAPE = max(len(escape) for escape in _BY_ESCAPE)

REGISTRATIONS: frozenset[str] = frozenset(number for number, *_ in _TABLE)
"""ISO registration numbers of the sets that may be switched to."""


def decode_extended(value: bytes, registrations: Sequence[str], *, is_name: bool = False) -> str:
    """Decode a value whose data set declares several character sets.

    Bytes that mean nothing in the set that is designated are left out; this never raises.

    Parameters
    ----------
    registrations : sequence of str
        ISO registration numbers in the order declared, empty where a value was empty. The first
        is in force at the beginning, and again after a delimiter.
    is_name : bool
        The value is a PN, so `^` and `=` are delimiters too.
    """
    first = _FIRST_G1.get(registrations[0]) if registrations else None
    delimiters = _NAME_DELIMITERS if is_name else _DELIMITERS
    designated: list[CodeElement | None] = [_ASCII, first]
    pieces: list[str] = []
    position = 0
    while position < len(value):
        byte = value[position]
        if byte == _ESCAPE:
            position += _designate(value[position + 1 :][:_LONGEST_ESCAPE], designated)
            continue
        element = designated[byte >> 7]
        if byte in _CONTROLS or (byte in delimiters and element is _ASCII):
            designated = [_ASCII, first or designated[1]]
        encoded = value[position : position + _width(value, position, element)]
        pieces.append(_character(encoded, element))
        position += len(encoded)
    return "".join(pieces)


def _width(value: bytes, position: int, element: CodeElement | None) -> int:
    """Return how many bytes a character has; one that is not whole loses its first byte alone."""
    byte = value[position]
    if element is None or element.width == 1 or byte <= _BLANK:
        return 1
    behind = value[position + 1 : position + 2]
    is_whole = behind and behind[0] > _BLANK and behind[0] >> 7 == byte >> 7
    return 2 if is_whole else 1


def _designate(behind: bytes, designated: list[CodeElement | None]) -> int:
    """Take an escape sequence into force and return its length; an unknown one has no effect."""
    for escape, (place, element) in _BY_ESCAPE.items():
        if behind.startswith(escape):
            designated[place] = element
            return 1 + len(escape)
    intermediate = 0
    while intermediate < len(behind) and 0x20 <= behind[intermediate] <= 0x2F:
        intermediate += 1
    is_whole = intermediate < len(behind) and 0x30 <= behind[intermediate] <= 0x7E
    return 1 + intermediate + (1 if intermediate and is_whole else 0)


def _character(encoded: bytes, element: CodeElement | None) -> str:
    """Return one character; control characters and blanks are the same in every set."""
    if encoded[0] <= _BLANK:
        return chr(encoded[0])
    if element is None or len(encoded) < element.width:
        return ""
    if element.width > 1:
        encoded = element.prefix + bytes(byte | 0x80 for byte in encoded)
    return encoded.decode(element.codec, "ignore")
