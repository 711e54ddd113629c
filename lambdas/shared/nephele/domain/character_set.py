"""Specific Character Set: Orthanc's encodings and how it decodes with them."""

from __future__ import annotations

import re
from dataclasses import dataclass

PADDING = " \0"
"""What fills a value up to an even length."""

_ESCAPE = re.compile(r"\x1b(?:[\x20-\x2f]+[\x30-\x7e])")
_CONTROL = re.compile(r"[^\x20-\x7e\s]")

_TABLE = """
    Ascii             ascii       6
    Utf8              utf-8       192
    Latin1            iso8859_1   100
    Latin2            iso8859_2   101
    Latin3            iso8859_3   109
    Latin4            iso8859_4   110
    Latin5            iso8859_9   148
    Cyrillic          iso8859_5   144
    Windows1251       cp1251      -
    Arabic            iso8859_6   127
    Greek             iso8859_7   126
    Hebrew            iso8859_8   138
    Thai              tis_620     166
    Japanese          shift_jis   13
    Chinese           gb18030     GB18030,GBK
    Korean            euc_kr      149
    JapaneseKanji     iso2022_jp_2 87,159
    SimplifiedChinese gb2312      58
"""

_CODECS: dict[str, str] = {}
_NAMES: dict[str, str] = {}
for _line in _TABLE.split("\n")[1:-1]:
    _name, _codec, _terms = _line.split()
    _CODECS[_name] = _codec
    _NAMES.update(dict.fromkeys(_terms.split(","), _name))

ENCODINGS: tuple[str, ...] = tuple(_CODECS)
"""Orthanc's names of encodings, as `DefaultEncoding` takes them."""

_REGISTRATION = re.compile(r"ISO[ _](?:IR|2022 IR)[ _-]?(\d+)")


def strip_uid(text: str) -> str:
    """Return a UID, or several, without any white space: it never counts."""
    return "".join(text.split())


@dataclass(frozen=True, slots=True)
class Encoding:
    """One of Orthanc's encodings; `has_extensions` where the data set declares several."""

    name: str
    has_extensions: bool = False

    def decode(self, value: bytes) -> str:
        """Decode a value as Orthanc shows it: up to its first NUL, without trailing blanks.

        Bytes that mean nothing in the encoding are left out; this never raises.
        """
        text = value.split(b"\0", 1)[0].decode(_CODECS[self.name], "ignore")
        if self.name == "Ascii":
            text = _CONTROL.sub("", text)
        elif self.has_extensions:
            text = _ESCAPE.sub("", text)
        return text.rstrip(" ")


def encoding_named(name: str) -> Encoding:
    """Return the encoding of one of Orthanc's names, in any case; KeyError if there is none."""
    for known in ENCODINGS:
        if known.lower() == name.lower():
            return Encoding(known)
    raise KeyError(name)


def encoding_of(specific_character_set: bytes | None, default: str = "Latin1") -> Encoding:
    """Return the encoding of a data set from its Specific Character Set (0008,0005).

    The first value that is known decides; when none is, the data set is read as ASCII. Where the
    element is missing or empty, `default` (Orthanc's `DefaultEncoding`) counts.
    """
    text = (specific_character_set or b"").decode("latin-1").strip(PADDING)
    if not text:
        return encoding_named(default)
    terms = [term.strip(PADDING) for term in text.split("\\")]
    for term in terms:
        match = _REGISTRATION.fullmatch(term.upper())
        name = _NAMES.get(match[1] if match else term.upper())
        if name is not None:
            return Encoding(name, has_extensions=len(terms) > 1)
    return Encoding("Ascii", has_extensions=len(terms) > 1)
